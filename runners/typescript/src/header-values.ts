import { Failure } from "@stigmer/sdk";

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** A URL's headers with the values of variables for `${NAME}`. Refuses one that has no value, and what no header may hold. */
export function headerValues(
  headers: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const filled = Object.entries(headers).map(([name, text]) => [name, fill(name, text, variables)]);
  return Object.fromEntries(filled);
}

function fill(header: string, text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (_, name: string) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined) throw refused(`header ${header} needs the variable ${name}, which has no value`);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw refused(`the variable ${name} holds what no header may hold`);
    return value;
  });
}

function refused(message: string): Failure {
  return new Failure("TOOL_SERVER_FAILED", message, { notStarted: true });
}
