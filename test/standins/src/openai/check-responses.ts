import { isObject, type Json, objects, strangeKey } from "../json.ts";
import type { Refusal } from "../vendor.ts";
import { bad, badPart, badSchema, badTool } from "./check-parts.ts";

const KNOWN = [
  ...["model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "stream", "store"],
  ...["include", "reasoning", "temperature", "max_output_tokens", "previous_response_id", "top_p", "truncation"],
];
const ROLES = ["system", "developer", "user", "assistant"];

/** What OpenAI would refuse in a request for a response, in its words. */
export function responsesComplaint(body: Json): Refusal | undefined {
  const strange = strangeKey(body, KNOWN);
  if (strange) return bad(`Unknown parameter: '${strange}'.`, strange, "unknown_parameter");
  if (typeof body.model !== "string") return bad("Missing required parameter: 'model'.", "model");
  const { input, tools, text, max_output_tokens: most } = body;
  if (!Array.isArray(input) || input.length === 0) return bad("Missing required parameter: 'input'.", "input");
  if (most !== undefined && !(Number.isInteger(most) && Number(most) >= 16)) {
    const message = "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.";
    return bad(message, "max_output_tokens", "integer_below_min_value");
  }
  return (
    first(input.map((item, index) => badItem(item, `input[${index}]`))) ??
    unpaired(objects(input)) ??
    loose(objects(input)) ??
    first(objects(tools).map((tool, i) => badTool(tool.type, tool, `tools[${i}]`))) ??
    (text === undefined ? undefined : badFormat(text))
  );
}

function badItem(item: unknown, at: string): Refusal | undefined {
  if (!isObject(item)) return bad(`Invalid type for '${at}': expected an object.`, at);
  switch (item.type) {
    case "function_call": {
      const { call_id, name, arguments: text } = item;
      const good = [call_id, name, text].every((value) => typeof value === "string") && String(call_id).length <= 64;
      return good ? undefined : bad(`Invalid '${at}': not a function call.`, at);
    }
    case "function_call_output": {
      const { output } = item;
      if (typeof output === "string") return undefined;
      if (!Array.isArray(output)) return bad(`Missing required parameter: '${at}.output'.`, at);
      return first(output.map((part, i) => badPart(part, INPUT, `${at}.output[${i}]`)));
    }
    case "reasoning":
      if (typeof item.id !== "string") return bad(`Missing required parameter: '${at}.id'.`, `${at}.id`);
      return Array.isArray(item.summary) ? undefined : bad(`Missing required parameter: '${at}.summary'.`, at);
    case undefined:
    case "message":
      return badMessage(item, at);
    default:
      return bad(`Invalid value: '${item.type}'.`, `${at}.type`, "invalid_value");
  }
}

const INPUT = ["input_text", "input_image", "input_file"];

function badMessage({ role, content }: Json, at: string): Refusal | undefined {
  if (!ROLES.includes(String(role))) return bad(`Invalid value: '${role}'.`, `${at}.role`, "invalid_value");
  if (typeof content === "string") return undefined;
  if (!Array.isArray(content)) return bad(`Missing required parameter: '${at}.content'.`, `${at}.content`);
  const allowed = role === "assistant" ? ["output_text", "refusal"] : INPUT;
  return first(content.map((part, i) => badPart(part, allowed, `${at}.content[${i}]`)));
}

// The output of a call may come at any later place, but it must come, and once.
function unpaired(items: readonly Json[]): Refusal | undefined {
  const open = new Set<unknown>();
  for (const { type, call_id } of items) {
    if (type === "function_call") open.add(call_id);
    if (type === "function_call_output" && !open.delete(call_id)) {
      return bad(`No tool call found for function call output with call_id ${call_id}.`, "input");
    }
  }
  const [missing] = open;
  return missing === undefined ? undefined : bad(`No tool output found for function call ${missing}.`, "input");
}

// A thought belongs to what it led to.
function loose(items: readonly Json[]): Refusal | undefined {
  const at = items.findIndex(({ type }, index) => {
    const next = items[index + 1];
    return type === "reasoning" && next?.type !== "function_call" && next?.role !== "assistant" && next?.type !== type;
  });
  if (at < 0) return undefined;
  const message = `Item '${items[at]?.id}' of type 'reasoning' was provided without its required following item.`;
  return bad(message, "input");
}

function badFormat(text: unknown): Refusal | undefined {
  const format = isObject(text) ? text.format : undefined;
  if (!isObject(format) || format.type !== "json_schema") return bad("Invalid value for 'text.format'.", "text.format");
  return badSchema(format, "text.format");
}

function first(complaints: readonly (Refusal | undefined)[]): Refusal | undefined {
  return complaints.find((complaint) => complaint !== undefined);
}
