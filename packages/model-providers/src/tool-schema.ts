import type { ToolSpec } from "@stigmer/contracts/gateway";
import { wrong } from "./conversation.ts";
import { isObject, type JsonObject, parseJson } from "./json-value.ts";

/** The JSON schema of a tool's arguments; refuses what is no object. A tool that says none takes none. */
export function toolSchema({ inputSchema }: ToolSpec, index: number): JsonObject {
  const schema = inputSchema === "" ? { type: "object", properties: {} } : parseJson(inputSchema);
  // Vendors want to be told what the protocol takes for granted.
  if (isObject(schema)) return { type: "object", ...schema };
  throw wrong({ field: `tools[${index}].input_schema`, description: "is not a JSON schema object" });
}
