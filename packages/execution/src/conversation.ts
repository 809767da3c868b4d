import { fromBinary } from "@bufbuild/protobuf";
import { internal } from "@stigmer/base";
import { type Message, MessageSchema, Role } from "@stigmer/contracts/agentic";
import type { Reader } from "@stigmer/store";
import type { ExecutionState } from "./fold.ts";

/** The conversation as it stood after an execution's newest model call, without the instructions. */
export async function conversationOf(read: Reader, state: ExecutionState): Promise<readonly Message[]> {
  const { hashes, finished } = state.conversation;
  const messages: Message[] = [];
  for (const hash of hashes) {
    const bytes = await read.blob(hash);
    if (!bytes)
      throw internal("INTERNAL", { execution: state.id }, { message: "a message of the conversation is missing" });
    messages.push(fromBinary(MessageSchema, bytes));
  }
  const answer = finished?.message ? [finished.message] : [];
  return [...messages.filter((message) => message.role !== Role.SYSTEM), ...answer];
}
