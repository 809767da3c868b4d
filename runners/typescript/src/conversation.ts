import { create, type Message, MessageSchema, type Part, Role, textMessage } from "@stigmer/sdk";

/** The conversation of an execution, as far as the model still sees it. */
export type Conversation = {
  /** Instructions. */
  readonly head: Message;
  /** What was said in the session before the task. */
  readonly before: readonly Message[];
  /** Stands for what is left out, between the head and the rest; empty where nothing is. */
  readonly summary: string;
  /** What the user says. */
  readonly task: Message;
  /** Answers of the model, each with what came back. */
  readonly after: readonly Message[];
};

const NOTE =
  "[The older part of this conversation was left out. This is the summary that you wrote of it; it is no message of the user:]";

/** What an image or a file counts for, in characters. */
const ATTACHMENT_SIZE = 4_000;

/** The messages of a request. A summary stands in a message of the user, and no two of these follow each other for its sake. */
export function messagesOf({ head, before, summary, task, after }: Conversation): Message[] {
  if (summary === "") return [head, ...before, task, ...after];
  const part = textPart(`${NOTE}\n${summary}`);
  if (before.length === 0) return [head, withParts(task, [...task.parts, part]), ...after];
  const [first, ...others] = before;
  if (first?.role === Role.USER) return [head, withParts(first, [part, ...first.parts]), ...others, task, ...after];
  return [head, withParts(textMessage(Role.USER, ""), [part]), ...before, task, ...after];
}

/** The conversation with what came last. */
export function extended(conversation: Conversation, ...said: readonly Message[]): Conversation {
  return { ...conversation, after: [...conversation.after, ...said] };
}

/** About how long messages are, in characters. */
export function sizeOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { parts }) => sum + parts.reduce((inner, part) => inner + partSize(part), 0), 0);
}

function partSize({ part }: Part): number {
  switch (part.case) {
    case "text":
      return part.value.length;
    case "toolCall":
      return part.value.name.length + part.value.arguments.length;
    case "toolResult":
      return part.value.content.length + ATTACHMENT_SIZE * part.value.attachments.length;
    case "thinking":
      return part.value.text.length + part.value.signature.length;
    case "attachment":
      return ATTACHMENT_SIZE;
    default:
      return 0;
  }
}

/** The message with other parts. */
export function withParts(message: Message, parts: readonly Part[]): Message {
  return create(MessageSchema, { role: message.role, parts: [...parts] });
}

function textPart(value: string): Part {
  return { $typeName: "ai.stigmer.agentic.execution.v1.Part", part: { case: "text", value } };
}
