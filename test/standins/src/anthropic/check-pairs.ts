import { type Json, objects } from "../json.ts";
import type { Refusal } from "../vendor.ts";

/** What Anthropic would refuse in the order of messages: each call has its result in the next message, before anything else. */
export function badPairs(messages: readonly Json[]): Refusal | undefined {
  if (messages[0]?.role !== "user") return bad('messages: first message must use the "user" role');
  const known = new Set<unknown>();
  let open: readonly unknown[] = [];
  for (const [index, { role, content }] of messages.entries()) {
    const blocks = objects(content);
    const results = role === "user" ? leading(blocks, "tool_result").map(({ tool_use_id }) => tool_use_id) : [];
    const strange = blocks.filter(({ type }) => type === "tool_result").length > results.length;
    if (strange || results.some((id) => !open.includes(id))) {
      return bad(
        `messages.${index}.content: unexpected \`tool_use_id\` found in \`tool_result\` blocks. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
    }
    const missing = open.filter((id) => !results.includes(id));
    if (missing.length > 0) return unanswered(index - 1, missing);
    if (role === "assistant" && blocks.at(-1)?.type === "thinking") {
      return bad(`messages.${index}: The final block in an assistant message cannot be \`thinking\`.`);
    }
    open = role === "assistant" ? blocks.flatMap(({ type, id }) => (type === "tool_use" ? [id] : [])) : [];
    if (open.some((id) => known.has(id)) || new Set(open).size < open.length) {
      return bad(`messages.${index}: \`tool_use\` ids must be unique`);
    }
    for (const id of open) known.add(id);
  }
  return open.length > 0 ? unanswered(messages.length - 1, open) : undefined;
}

function leading(blocks: readonly Json[], type: string): readonly Json[] {
  const end = blocks.findIndex((block) => block.type !== type);
  return end < 0 ? blocks : blocks.slice(0, end);
}

function unanswered(index: number, ids: readonly unknown[]): Refusal {
  return bad(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
  );
}

function bad(message: string): Refusal {
  return { status: 400, message };
}
