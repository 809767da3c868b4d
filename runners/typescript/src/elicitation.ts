import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/client";
import type { ToolQuestion, ToolReply } from "@stigmer/sdk";

/** What a server gets back. */
export type ElicitationResult = {
  readonly action: "accept" | "decline" | "cancel";
  readonly content?: Record<string, Value>;
};

type Value = string | number | boolean | string[];
type Json = Readonly<Record<string, unknown>>;

const LONGEST_SCHEMA = 65_536;
const LONGEST_URL = 2_048;

/** What a server asks the user. Refuses what nobody should be shown: a form that is none, a URL that leads nowhere on the web. */
export function questionOf(params: unknown): ToolQuestion {
  const { mode = "form", message, requestedSchema, url } = recordOf(params) ?? {};
  if (typeof message !== "string") throw refused("the question has no message");
  if (mode === "url") return { kind: "url", message, url: webUrl(url) };
  const schema = recordOf(requestedSchema);
  if (mode !== "form" || !schema) throw refused("the question is neither a form nor a URL");
  const json = JSON.stringify(schema);
  if (json.length > LONGEST_SCHEMA) throw refused(`the form is longer than ${LONGEST_SCHEMA} characters`);
  return { kind: "form", message, schema: json };
}

/** The user's answer as the protocol writes it; what a form leaves out has the default that it names. */
export function resultOf(question: ToolQuestion, { action, content }: ToolReply): ElicitationResult {
  if (action !== "accept") return { action };
  if (question.kind === "url") return { action };
  const values = formOf(content === "" ? "{}" : content);
  // A backend checks the form; nothing is made up where it did not.
  if (!values) return { action: "cancel" };
  return { action, content: { ...defaultsOf(question.schema), ...values } };
}

function webUrl(url: unknown): string {
  const parsed = typeof url === "string" && url.length <= LONGEST_URL ? URL.parse(url) : null;
  const isWeb = parsed?.protocol === "https:" || parsed?.protocol === "http:";
  if (!parsed || !isWeb || parsed.username !== "" || parsed.password !== "")
    throw refused("the URL is none of the web");
  return parsed.href;
}

function formOf(json: string): Record<string, Value> | undefined {
  const form = recordOf(parse(json));
  return form && Object.values(form).every(isValue) ? (form as Record<string, Value>) : undefined;
}

function defaultsOf(schema: string): Record<string, Value> {
  const properties = recordOf(recordOf(parse(schema))?.properties) ?? {};
  const defaults = Object.entries(properties).map(([name, property]) => [name, recordOf(property)?.default] as const);
  return Object.fromEntries(defaults.filter((entry): entry is [string, Value] => isValue(entry[1])));
}

function isValue(value: unknown): value is Value {
  if (Array.isArray(value)) return value.every((item) => typeof item === "string");
  return ["string", "number", "boolean"].includes(typeof value);
}

function recordOf(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function refused(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
