import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { internal } from "@stigmer/base";
import { type Message, MessageSchema, Role } from "@stigmer/contracts/agentic";
import type { Batch, Reader } from "@stigmer/store";
import type { ExecutionRef, NewEvent } from "./execution-ref.ts";
import type { Executions } from "./executions.ts";
import type { ExecutionState } from "./state.ts";

/** Hashes of messages, and those of the messages that may not be stored yet. */
export type Conversation = {
  readonly hashes: readonly Uint8Array[];
  readonly batch: Batch;
  /** Tokens of the model call that was last made with it, request and answer together; 0 where that is not known. */
  readonly tokens: number;
};

const NOTHING: Conversation = { hashes: [], batch: {}, tokens: 0 };
/** Executions of a session that are looked back over for one that got as far as a model call. */
const MOST_LOOKED_BACK = 1_000;

/**
 * The conversation from which an execution goes on: that of the execution before it in the session, or where that made no
 * model call, of the one before that.
 */
export async function conversationBefore(
  deps: { readonly executions: Executions; readonly read: Reader },
  ref: ExecutionRef,
  state: ExecutionState,
): Promise<Conversation> {
  let { created } = state;
  for (let count = 0; created && count < MOST_LOOKED_BACK; count++) {
    if (created.history.length > 0) return stored(created.history);
    if (!created.previousExecutionId) return NOTHING;
    const previous = await deps.executions.load({ org: ref.org, id: created.previousExecutionId });
    if (previous.conversation.hashes.length > 0) return await conversationOf(deps.read, previous);
    if (previous.history) return { ...previous.history, batch: {} };
    created = previous.created;
  }
  return NOTHING;
}

/** What a loop decides by before its first model call is pinned together with the conversation. */
export function boundHistory({ created }: ExecutionState, { hashes, tokens }: Conversation): NewEvent {
  const messageHashes = hashes as Uint8Array<ArrayBuffer>[];
  const value = { messageHashes, tokens: BigInt(tokens), contextWindow: created?.contextWindow ?? 0n };
  return { event: { case: "historyBound", value } };
}

/** Whether there may be a conversation before this execution, and nothing says yet what it was. */
export function goesOn({ created, history }: ExecutionState): boolean {
  const hasBefore = created !== undefined && (created.previousExecutionId !== "" || created.history.length > 0);
  return hasBefore && history === undefined;
}

/** Messages by their hashes. */
export async function messagesOf(read: Reader, id: string, hashes: readonly Uint8Array[]): Promise<Message[]> {
  const messages: Message[] = [];
  for (const hash of hashes) {
    const bytes = await read.blob(hash);
    if (!bytes) throw internal("INTERNAL", { execution: id }, { message: "a message of the conversation is missing" });
    messages.push(fromBinary(MessageSchema, bytes));
  }
  return messages;
}

/** A message as it is stored. */
export function messageBlob(message: Message) {
  const bytes = toBinary(MessageSchema, message);
  return { hash: new Uint8Array(createHash("sha256").update(bytes).digest()), bytes };
}

/**
 * The conversation as it stood after an execution's newest model call, without the instructions. Tool calls in the last
 * message were never answered, or another model call would have followed; providers refuse a conversation with such.
 */
async function conversationOf(read: Reader, state: ExecutionState): Promise<Conversation> {
  const { hashes, finished } = state.conversation;
  const messages = await messagesOf(read, state.id, hashes);
  const kept = hashes.filter((_, at) => messages[at]?.role !== Role.SYSTEM);
  const said = finished?.message?.parts.filter(({ part }) => part.case !== "toolCall") ?? [];
  const tokens = Number((finished?.usage?.inputTokens ?? 0n) + (finished?.usage?.outputTokens ?? 0n));
  if (said.length === 0) return { hashes: kept, batch: {}, tokens };
  const answer = stored([create(MessageSchema, { role: Role.ASSISTANT, parts: said })]);
  return { hashes: [...kept, ...answer.hashes], batch: answer.batch, tokens };
}

function stored(messages: readonly Message[]): Conversation {
  const blobs = messages.map(messageBlob);
  return { hashes: blobs.map(({ hash }) => hash), batch: { blobs }, tokens: 0 };
}
