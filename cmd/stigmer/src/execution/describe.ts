import type { Message, ToolCall, ToolDefinition } from "@stigmer/contracts/agentic";

/** The text of a model's message. */
export function textOf(message: Message | undefined): string {
  return (message?.parts ?? []).map(({ part }) => (part.case === "text" ? part.value : "")).join("");
}

/** The calls that a model's message asks for. */
export function callsOf(message: Message | undefined): readonly ToolCall[] {
  return (message?.parts ?? []).flatMap(({ part }) => (part.case === "toolCall" ? [part.value] : []));
}

/** A tool as a person knows it: `notes.append_note`. */
export function toolLabel(name: string, definition: Pick<ToolDefinition, "server" | "tool"> | undefined): string {
  return definition?.server && definition.tool ? `${definition.server}.${definition.tool}` : name;
}

/**
 * JSON with line ends and indentation between its values, and otherwise to the letter: numbers and repeated names stand
 * as they are sent. What is not JSON stays as it is.
 */
export function indentJson(text: string): string {
  return isJson(text) ? indented(text) : text;
}

function indented(json: string): string {
  let depth = 0;
  let result = "";
  const line = (): string => `\n${"  ".repeat(depth)}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s"{}[\],:]+/gs)) {
    if (token === "{" || token === "[") {
      depth += 1;
      result += token + line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      result += line() + token;
    } else if (token === ",") result += token + line();
    else result += token === ":" ? ": " : token;
  }
  return result;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
