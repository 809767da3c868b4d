import { create, type Message, Role, type ToolResult, ToolResultSchema } from "@stigmer/sdk";
import { type Conversation, sizeOf, withParts } from "./conversation.ts";
import { cutMiddle } from "./cut-middle.ts";

/** What a conversation is to become so that it takes less room. */
export type CompactionPlan = {
  /** The messages that a summary replaces, the oldest first; none where long results are cut and nothing else. */
  readonly older: readonly Message[];
  /** What stays, without a word about what does not. */
  readonly kept: Conversation;
  /** Most characters of the summary: less than what it replaces. */
  readonly longestSummary: number;
};

/** The newest messages that stay have a quarter of the conversation's room. */
const KEPT_SHARE = 4;
/** In characters: less is not worth a summary. */
const WORTH = 1_000;
const SHORTEST_RESULT = 500;

/**
 * Decides what of a conversation stays as it is: instructions, task, and the newest messages that fit in a quarter of its
 * room. The last answer always stays with what came back, where results too long for that lose their middle. Calls are
 * never parted from their results. Undefined where nothing would get shorter.
 */
export function planCompaction(conversation: Conversation): CompactionPlan | undefined {
  const { before, after, summary } = conversation;
  const budget = Math.floor((sizeOf(before) + sizeOf(after) + summary.length) / KEPT_SHARE);
  const rounds = groupsAt(after, Role.ASSISTANT);
  const newest = rounds.pop() ?? [];
  const cut = withShortResults(newest, budget);
  const others = [...groupsAt(before, Role.USER), ...rounds];
  const stays = newestThatFit(others, budget - sizeOf(cut));
  const older = others.slice(0, others.length - stays.length).flat();
  const replaced = sizeOf(older) + summary.length;
  if (older.length === 0 || replaced < WORTH) {
    const isShorter = sizeOf(cut) < sizeOf(newest);
    const kept = { ...conversation, after: [...rounds.flat(), ...cut] };
    return isShorter ? { older: [], kept, longestSummary: summary.length } : undefined;
  }
  const rest = new Set(stays.flat());
  return {
    older,
    kept: {
      ...{ ...conversation, summary: "" },
      before: before.filter((message) => rest.has(message)),
      after: [...rounds.flat().filter((message) => rest.has(message)), ...cut],
    },
    longestSummary: Math.floor(replaced / 2),
  };
}

/** The conversation that a plan leads to, with the summary that was written for it. */
export function compacted({ kept, longestSummary }: CompactionPlan, summary: string): Conversation {
  return { ...kept, summary: cutMiddle(summary, longestSummary) };
}

/** Messages in groups, each beginning with one of a role; whatever comes before the first such is a group as well. */
function groupsAt(messages: readonly Message[], role: Role): Message[][] {
  const groups: Message[][] = [];
  for (const message of messages) {
    const last = groups.at(-1);
    if (!last || message.role === role) groups.push([message]);
    else last.push(message);
  }
  return groups;
}

function newestThatFit(groups: readonly Message[][], room: number): Message[][] {
  let left = room;
  let count = 0;
  for (const group of groups.toReversed()) {
    left -= sizeOf(group);
    if (left < 0) break;
    count += 1;
  }
  return count === 0 ? [] : groups.slice(-count);
}

function withShortResults(messages: readonly Message[], room: number): Message[] {
  const count = messages.flatMap(({ parts }) => parts.filter(({ part }) => part.case === "toolResult")).length;
  const limit = Math.max(SHORTEST_RESULT, Math.floor(room / Math.max(1, count)));
  return messages.map((message) => {
    const parts = message.parts.map((one) =>
      one.part.case === "toolResult" ? { ...one, part: { ...one.part, value: shortened(one.part.value, limit) } } : one,
    );
    return withParts(message, parts);
  });
}

function shortened(result: ToolResult, limit: number): ToolResult {
  if (result.content.length <= limit) return result;
  return create(ToolResultSchema, { ...result, content: cutMiddle(result.content, limit) });
}
