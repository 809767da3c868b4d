import { type Message, type Part, Role } from "@stigmer/sdk";
import { cutMiddle } from "./cut-middle.ts";

const LONGEST_PART = 4_000;

const SPEAKER: Readonly<Record<number, string>> = {
  [Role.SYSTEM]: "instructions",
  [Role.USER]: "user",
  [Role.ASSISTANT]: "assistant",
  [Role.TOOL]: "tools",
};

/** Messages as a text of at most so many characters: long parts, and at last the whole, lose their middle. */
export function transcriptOf(messages: readonly Message[], limit: number): string {
  const blocks = messages.map(({ role, parts }) => {
    const texts = parts.map(partText).filter((text) => text !== "");
    return `## ${SPEAKER[role] ?? "somebody"}\n${texts.map((text) => cutMiddle(text, LONGEST_PART)).join("\n")}`;
  });
  return cutMiddle(blocks.join("\n\n"), limit);
}

function partText({ part }: Part): string {
  switch (part.case) {
    case "text":
      return part.value;
    case "toolCall":
      return `[calls ${part.value.name} with ${part.value.arguments || "{}"}]`;
    case "toolResult":
      return `[${part.value.isError ? "error" : "result"}] ${part.value.content}`;
    case "attachment":
      return `[file ${part.value.name}, ${part.value.mediaType}]`;
    default:
      return "";
  }
}
