import { createHash } from "node:crypto";
import { invalid, type Violation } from "@stigmer/base";
import { type Attachment, type Message, Role, type Thinking, type ToolResult } from "@stigmer/contracts/agentic";
import { type FileKind, FileProblem, type Files, kindOf } from "./files.ts";
import { isObject, type JsonObject, parseJson } from "./json-value.ts";

/** A conversation as every vendor's API has it, with files at hand and ids that each of them takes. */
export type Turn =
  | { readonly role: "system"; readonly text: string }
  | { readonly role: "user"; readonly parts: readonly (Text | File)[] }
  | { readonly role: "assistant"; readonly parts: readonly (Text | Thought | Call)[]; readonly current: boolean }
  | { readonly role: "tool"; readonly results: readonly Result[] };

export type Text = { readonly kind: "text"; readonly text: string };

export type File = {
  readonly kind: Exclude<FileKind, "text">;
  readonly name: string;
  readonly mediaType: string;
  readonly base64: string;
};

/** Only of the provider that is asked. */
export type Thought = { readonly kind: "thought"; readonly thinking: Thinking };

/** `arguments` are always JSON of `input`. */
export type Call = {
  readonly kind: "call";
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  readonly input: JsonObject;
};

export type Result = {
  readonly id: string;
  /** Of the tool that answered; empty where its call is not in the conversation. */
  readonly name: string;
  readonly text: string;
  readonly isError: boolean;
  readonly files: readonly File[];
};

export type Reader = {
  /** Who is asked. */
  readonly provider: string;
  readonly files: Files;
  /** What it can be shown besides text. */
  readonly takes: readonly File["kind"][];
};

/**
 * The turns of `messages`. Refuses a message whose parts its role cannot have, and throws `FileProblem` where a user's
 * file is of a type that the provider does not take; a tool's file of such a type is only named. `current` marks the
 * answers since the user last spoke.
 */
export function conversation(messages: readonly Message[], reader: Reader): Turn[] {
  const lastUser = messages.findLastIndex(({ role }) => role === Role.USER);
  const ids = callIds();
  return messages.map((message, index): Turn => {
    const parts = message.parts.map(({ part }) => part);
    const at = `messages[${index}]`;
    switch (message.role) {
      case Role.SYSTEM:
        return { role: "system", text: parts.map((part, i) => textIn(part, `${at}.parts[${i}]`)).join("\n") };
      case Role.USER:
        return { role: "user", parts: parts.map((part, i) => userPart(part, reader, `${at}.parts[${i}]`)) };
      case Role.ASSISTANT: {
        ids.next();
        const all = parts.flatMap((part, i) => assistantPart(part, { reader, ids, at: `${at}.parts[${i}]` }));
        return { role: "assistant", parts: withoutLooseThoughts(all), current: index > lastUser };
      }
      case Role.TOOL:
        return {
          role: "tool",
          results: parts.map((part, i) => result(part, { reader, ids, at: `${at}.parts[${i}]` })),
        };
      default:
        throw wrong({ field: `${at}.role`, description: "is not a role that a model knows" });
    }
  });
}

/** A request that no provider can be sent. */
export function wrong(violation: Violation): Error {
  return invalid([violation]);
}

type Part = Message["parts"][number]["part"];

function textIn(part: Part, at: string): string {
  if (part.case === "text") return part.value;
  throw wrong({ field: at, description: "this role cannot say that" });
}

function userPart(part: Part, reader: Reader, at: string): Text | File {
  if (part.case !== "attachment") return { kind: "text", text: textIn(part, at) };
  const shown = show(part.value, reader);
  if (shown) return shown;
  const { name, mediaType } = part.value;
  const takes = ["text", ...reader.takes.map((kind) => (kind === "pdf" ? "PDF" : "PNG, JPEG, GIF and WebP images"))];
  throw new FileProblem(`it cannot be shown ${JSON.stringify(name)} (${mediaType}); it takes ${takes.join(", ")}`);
}

type Place = { readonly reader: Reader; readonly ids: CallIds; readonly at: string };

function assistantPart(part: Part, { reader, ids, at }: Place): (Text | Thought | Call)[] {
  if (part.case === "thinking") {
    return part.value.provider === reader.provider ? [{ kind: "thought", thinking: part.value }] : [];
  }
  if (part.case !== "toolCall") return [{ kind: "text", text: textIn(part, at) }];
  const { id, name, arguments: text } = part.value;
  return [{ kind: "call", id: ids.of(id, name), name, ...sendable(text) }];
}

function result(part: Part, { reader, ids, at }: Place): Result {
  if (part.case !== "toolResult") throw wrong({ field: at, description: "a tool's message holds results only" });
  const { callId, content, isError, attachments } = part.value;
  const shown = attachments.map((attachment) => show(attachment, reader) ?? named(attachment));
  const texts = [content, ...shown.flatMap((one) => (one.kind === "text" ? [one.text] : []))];
  const files = shown.flatMap((one) => (one.kind === "text" ? [] : [one]));
  return { ...ids.answered(callId), text: texts.filter((text) => text !== "").join("\n\n"), isError, files };
}

function show(attachment: Attachment, { files, takes }: Reader): Text | File | undefined {
  const kind = kindOf(attachment);
  const bytes = files.get(attachment.digest);
  if (kind === undefined || bytes === undefined) return undefined;
  const { name, mediaType } = attachment;
  if (kind === "text") return { kind, text: `File ${JSON.stringify(name)}:\n\n${new TextDecoder().decode(bytes)}` };
  return takes.includes(kind) ? { kind, name, mediaType, base64: Buffer.from(bytes).toString("base64") } : undefined;
}

function named({ name, mediaType }: ToolResult["attachments"][number]): Text {
  return { kind: "text", text: `[file ${JSON.stringify(name)} (${mediaType}) cannot be shown to this model]` };
}

// Vendors parse the arguments of earlier calls and refuse the whole conversation where one is not an object.
function sendable(text: string): Pick<Call, "arguments" | "input"> {
  const parsed = parseJson(text);
  if (isObject(parsed)) return { arguments: text, input: parsed };
  const input = text.trim() === "" ? {} : { malformed_arguments: text };
  return { arguments: JSON.stringify(input), input };
}

// A thought is refused where nothing follows it, as where the answer was cut at its longest length.
function withoutLooseThoughts(parts: (Text | Thought | Call)[]): (Text | Thought | Call)[] {
  return parts.slice(0, 1 + parts.findLastIndex((part) => part.kind === "call" || (part.kind === "text" && part.text)));
}

type CallIds = {
  /** Another message begins; ids that it repeats are new ones. */
  next(): void;
  of(id: string, name: string): string;
  answered(id: string): { readonly id: string; readonly name: string };
};

/** The strictest vendor's rule: unique in the conversation, and of these characters. */
const SAFE_ID = /^[A-Za-z0-9_-]{1,40}$/;

function callIds(): CallIds {
  const used = new Set<string>();
  const latest = new Map<string, { id: string; name: string }>();
  let message = 0;
  return {
    next() {
      message += 1;
    },
    of(original, name) {
      const unique = SAFE_ID.test(original) && !used.has(original);
      const id = unique ? original : `call_${digest(`${message}/${original}`)}`;
      used.add(id);
      latest.set(original, { id, name });
      return id;
    },
    answered: (original) => latest.get(original) ?? { id: original, name: "" },
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}
