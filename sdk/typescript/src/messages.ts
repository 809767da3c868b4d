import { create } from "@bufbuild/protobuf";
import {
  type Message,
  MessageSchema,
  type Part,
  type Role,
  Role as Roles,
  type ToolCall,
  type ToolResult,
} from "@stigmer/contracts/agentic";

/** A message of one text. */
export function textMessage(role: Role, text: string): Message {
  return create(MessageSchema, { role, parts: [{ part: { case: "text", value: text } }] });
}

/** What tools answered, as the message that follows the model's. */
export function toolMessage(results: readonly ToolResult[]): Message {
  return create(MessageSchema, {
    role: Roles.TOOL,
    parts: results.map((value) => ({ part: { case: "toolResult" as const, value } })),
  });
}

/** The text of a message, its parts joined as they are. */
export function textOf(message: Message): string {
  return message.parts.map(({ part }) => (part.case === "text" ? part.value : "")).join("");
}

/** The tools that a message asks for, in order. */
export function toolCallsOf(message: Message): ToolCall[] {
  return message.parts.flatMap(({ part }: Part) => (part.case === "toolCall" ? [part.value] : []));
}
