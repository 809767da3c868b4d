import { create, fromBinary } from "@bufbuild/protobuf";
import { internal } from "@stigmer/base";
import { type Message, MessageSchema, Role } from "@stigmer/contracts/agentic";
import type { Reader } from "@stigmer/store";
import type { ExecutionState } from "./fold.ts";

/**
 * The conversation as it stood after an execution's newest model call, without the instructions. Tool calls in the last
 * message were never answered, or another model call would have followed; providers refuse a conversation with such.
 */
export async function conversationOf(read: Reader, state: ExecutionState): Promise<readonly Message[]> {
  const { hashes, finished } = state.conversation;
  const messages: Message[] = [];
  for (const hash of hashes) {
    const bytes = await read.blob(hash);
    if (!bytes)
      throw internal("INTERNAL", { execution: state.id }, { message: "a message of the conversation is missing" });
    messages.push(fromBinary(MessageSchema, bytes));
  }
  const said = finished?.message?.parts.filter(({ part }) => part.case !== "toolCall") ?? [];
  const answer = said.length > 0 ? [create(MessageSchema, { role: Role.ASSISTANT, parts: said })] : [];
  return [...messages.filter((message) => message.role !== Role.SYSTEM), ...answer];
}
