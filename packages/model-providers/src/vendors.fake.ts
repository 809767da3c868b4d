import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Fault, isFault } from "@stigmer/base";
import { type AttachmentSchema, type Message, MessageSchema, Role, type ToolCall } from "@stigmer/contracts/agentic";
import type { ModelAnswer, ModelProvider } from "@stigmer/gateway/port";
import { anthropicStandin, ollamaStandin, openaiStandin, type Standin, type StandinOptions } from "@stigmer/standins";
import { expect } from "vitest";
import { type CallOptions, callProvider } from "./call-provider.ts";
import { chatDialect } from "./chat/dialect.ts";
import type { Dialect } from "./dialect.ts";
import { messagesDialect } from "./messages/dialect.ts";
import { ollamaDialect } from "./ollama/dialect.ts";
import { responsesDialect } from "./responses/dialect.ts";

/** A vendor's API and the stand-in that speaks it. */
export type Vendor = {
  readonly name: string;
  readonly dialect: Dialect;
  readonly open: (options: StandinOptions) => Promise<Standin>;
  readonly model: string;
  /** Header that carries the key, as the stand-in keeps it. */
  readonly keyHeader: string;
  /** Whether the context of its models is known. */
  readonly tellsContext: boolean;
};

const bearer = { keyHeader: "authorization" };

export const VENDORS: readonly Vendor[] = [
  {
    name: "openai chat",
    dialect: chatDialect({ official: true }),
    open: openaiStandin,
    model: "gpt-4.1",
    ...bearer,
    tellsContext: false,
  },
  {
    name: "openai responses",
    dialect: responsesDialect({ official: true }),
    open: openaiStandin,
    model: "gpt-5",
    ...bearer,
    tellsContext: false,
  },
  {
    name: "openai-compatible chat",
    dialect: chatDialect({ official: false }),
    open: openaiStandin,
    model: "qwen3",
    ...bearer,
    tellsContext: false,
  },
  {
    name: "anthropic messages",
    dialect: messagesDialect,
    open: anthropicStandin,
    model: "claude-sonnet-4-5",
    keyHeader: "x-api-key",
    tellsContext: true,
  },
  {
    name: "ollama chat",
    dialect: ollamaDialect,
    open: ollamaStandin,
    model: "qwen3:8b",
    ...bearer,
    tellsContext: true,
  },
];

export const KEY = "sk-secret/0123456789";

/** The vendor's driver, against whatever answers at `url`. */
export function driver(vendor: Vendor, url: string, options: Partial<CallOptions> = {}): ModelProvider {
  const timeouts = { firstByteTimeoutMs: 10_000, idleTimeoutMs: 10_000 };
  return callProvider(vendor.dialect, { name: "mine", baseUrl: url, apiKey: KEY, ...timeouts, ...options });
}

/** Runs `act` beside a stand-in. */
export async function beside<T>(
  vendor: Vendor,
  options: StandinOptions,
  act: (standin: Standin) => Promise<T>,
): Promise<T> {
  await using standin = await vendor.open({ apiKey: KEY, ...options });
  return await act(standin);
}

/** What was thrown, which is a fault without the key. */
export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error,
  );
  if (!isFault(error)) throw error;
  expect(JSON.stringify({ message: error.message, facts: error.facts })).not.toContain(KEY);
  return error;
}

type Part = NonNullable<MessageInitShape<typeof MessageSchema>["parts"]>[number];

export function user(...parts: (string | Part)[]): Message {
  return message(Role.USER, parts);
}

export function system(text: string): Message {
  return message(Role.SYSTEM, [text]);
}

export function assistant(...parts: (string | Part)[]): Message {
  return message(Role.ASSISTANT, parts);
}

/** Answers to calls, each with these files beside its text. */
export function results(
  calls: readonly Pick<ToolCall, "id">[],
  attachments: MessageInitShape<typeof AttachmentSchema>[] = [],
): Message {
  return message(
    Role.TOOL,
    calls.map(({ id }) => ({ part: { case: "toolResult", value: { callId: id, content: "42", attachments } } })),
  );
}

/** A message of the model that calls one tool. */
export function called(id: string, args = "{}"): Message {
  return assistant({ part: { case: "toolCall", value: { id, name: "read", arguments: args } } });
}

export function callsIn({ message: { parts } }: ModelAnswer): ToolCall[] {
  return parts.flatMap(({ part }) => (part.case === "toolCall" ? [part.value] : []));
}

export function textIn({ message: { parts } }: ModelAnswer): string {
  return parts.flatMap(({ part }) => (part.case === "text" ? [part.value] : [])).join("");
}

function message(role: Role, parts: readonly (string | Part)[]): Message {
  return create(MessageSchema, {
    role,
    parts: parts.map((part): Part => (typeof part === "string" ? { part: { case: "text", value: part } } : part)),
  });
}
