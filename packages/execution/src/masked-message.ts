import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { clone } from "@bufbuild/protobuf";
import { type ReflectList, type ReflectMap, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/** Puts another text in the place of one. */
export type Mask = (text: string) => string;

/**
 * Names of fields that say what something is, and not what somebody said: they are compared, looked up and sent back, so nothing in
 * them is ever masked. Definitions of agents and servers are copies of resources that stand in clear beside them.
 */
const STRUCTURAL: ReadonlySet<string> = new Set([
  ...["id", "execution_id", "session_id", "approval_id", "root_execution_id", "previous_execution_id", "request_id"],
  ...[
    "call_id",
    "step_key",
    "stream",
    "elicitation_id",
    "instance",
    "name",
    "org",
    "agent",
    "server",
    "tool",
    "runner",
  ],
  ...["digest", "definition_digest", "revision", "agent_revision", "model", "served_model", "provider", "signature"],
  ...["media_type", "reason", "price_date", "idempotency_key", "spec", "servers", "environments", "values", "skills"],
  ...["requested_by", "decided_by", "by", "steps", "workspace"],
]);

/** Fields whose text is JSON, and has to stay so. */
const JSON_TEXTS: ReadonlySet<string> = new Set(["arguments", "value", "output", "input_schema", "annotations"]);

/** A copy of a message in which every text is masked that somebody may have said; the message itself where there is nothing to mask. */
export function maskedMessage<S extends DescMessage>(schema: S, message: MessageShape<S>, mask: Mask): MessageShape<S> {
  if (!touches(reflect(schema, message), mask)) return message;
  const copy = clone(schema, message);
  maskInside(reflect(schema, copy), mask);
  return copy;
}

/** The text with what `mask` puts into it; what was JSON stays JSON. */
function maskJson(text: string, mask: Mask): string {
  const shown = mask(text);
  if (shown === text || isJson(shown) || !isJson(text)) return shown;
  return JSON.stringify(maskedValue(JSON.parse(text), mask));
}

function maskedValue(value: unknown, mask: Mask): unknown {
  if (Array.isArray(value)) return value.map((item) => maskedValue(item, mask));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [mask(key), maskedValue(item, mask)]));
  }
  const text = String(value);
  const shown = mask(text);
  return shown === text ? value : shown;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Most messages hold no secret: they are looked through, and not copied. */
function touches(message: ReflectMessage, mask: Mask): boolean {
  let found = false;
  visit(message, (text) => {
    found ||= mask(text) !== text;
    return text;
  });
  return found;
}

function maskInside(message: ReflectMessage, mask: Mask): void {
  visit(message, (text, field) => (JSON_TEXTS.has(field.name) ? maskJson(text, mask) : mask(text)));
}

type Change = (text: string, field: DescField) => string;

function visit(message: ReflectMessage, change: Change): void {
  for (const field of message.fields) {
    if (!message.isSet(field) || isStructural(field)) continue;
    const value: unknown = message.get(field);
    if (typeof value === "string") replace(value, change(value, field), (text) => message.set(field, text));
    else if (field.fieldKind === "message") visit(value as ReflectMessage, change);
    else if (field.fieldKind === "list") visitList(value as ReflectList, field, change);
    else if (field.fieldKind === "map") visitMap(value as ReflectMap, field, change);
  }
}

function visitList(list: ReflectList, field: DescField, change: Change): void {
  for (const [at, item] of [...(list as Iterable<unknown>)].entries()) {
    if (typeof item === "string") replace(item, change(item, field), (text) => list.set(at, text));
    else if (field.message) visit(item as ReflectMessage, change);
  }
}

function visitMap(map: ReflectMap, field: DescField, change: Change): void {
  for (const [key, item] of [...map]) {
    if (typeof item === "string") replace(item, change(item, field), (text) => map.set(key, text));
    else if (field.message) visit(item as ReflectMessage, change);
  }
}

function replace(before: string, after: string, set: (text: string) => void): void {
  if (after !== before) set(after);
}

/** Only texts and what holds some can be structural; a tool's result, whose field is called so too, is none of these. */
function isStructural(field: DescField): boolean {
  return STRUCTURAL.has(field.name) && !(field.fieldKind === "message" && isSaid(field.message));
}

/** An approval's question is called its spec. */
function isSaid(message: DescMessage): boolean {
  return message.name === "ApprovalSpec";
}
