const KEY = "x-mcp-header";
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES: readonly unknown[] = ["string", "integer", "boolean"];

/**
 * What is wrong with the headers that a tool's schema asks for (`x-mcp-header`, MCP 2026-07-28), which makes the tool one that
 * must not be called; undefined where nothing is. Only properties that are reached by `properties` alone may name a header.
 */
export function headerFault(inputSchema: unknown): string | undefined {
  const names = new Set<string>();
  const look = (schema: unknown, path: string, mayName: boolean): string | undefined => {
    if (typeof schema !== "object" || schema === null) return undefined;
    if (!Array.isArray(schema) && KEY in schema) {
      const fault = mayName ? faultOf(schema, names) : "it is no property that is always there";
      if (fault) return `${path || "the schema itself"}: ${fault}`;
    }
    for (const [key, child] of Object.entries(schema)) {
      const fault =
        key === "properties" ? lookAtProperties(child, path, mayName) : look(child, `${path}/${key}`, false);
      if (fault) return fault;
    }
    return undefined;
  };
  const lookAtProperties = (properties: unknown, path: string, mayName: boolean): string | undefined => {
    if (typeof properties !== "object" || properties === null) return undefined;
    for (const [name, schema] of Object.entries(properties)) {
      const fault = look(schema, `${path}/${name}`, mayName);
      if (fault) return fault;
    }
    return undefined;
  };
  const isRoot = typeof inputSchema === "object" && inputSchema !== null && KEY in inputSchema;
  return isRoot ? "the schema itself names a header" : look(inputSchema, "", true);
}

function faultOf(schema: object, names: Set<string>): string | undefined {
  const { [KEY]: name, type } = schema as { readonly [KEY]: unknown; readonly type?: unknown };
  if (typeof name !== "string" || !TOKEN.test(name)) return `${JSON.stringify(name)} is no name of a header`;
  if (!TYPES.includes(type)) return "only a string, an integer or a boolean may stand in a header";
  if (names.has(name.toLowerCase())) return `two properties name the header ${name}`;
  names.add(name.toLowerCase());
  return undefined;
}
