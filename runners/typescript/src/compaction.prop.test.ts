import {
  create,
  Failure,
  type Message,
  MessageSchema,
  type ModelRequest,
  Role,
  ToolResultSchema,
  textMessage,
  toolCallsOf,
  toolMessage,
  type Usage,
} from "@stigmer/sdk";
import { type Arbitrary, array, assert, asyncProperty, constantFrom, integer, property, record } from "fast-check";
import { expect, it } from "vitest";
import { agentLoop } from "./agent-loop.ts";
import { type ModelSays, type Recorded, type World, wants, worldOf } from "./agent-world.fake.ts";
import { compacted, planCompaction } from "./compaction.ts";
import { type Conversation, messagesOf, sizeOf } from "./conversation.ts";

const length = constantFrom(0, 1, 10, 400, 1_500, 9_000);

/** A turn of an agent: so many calls, each with a result of a length; or a text alone. */
const round: Arbitrary<Message[]> = record({ text: length, results: array(length, { maxLength: 4 }) }).map((of) => {
  const text = textMessage(Role.ASSISTANT, "t".repeat(of.text));
  if (of.results.length === 0) return [text, textMessage(Role.USER, "again")];
  const calls = wants(...of.results.map((_, at) => `c${at}`));
  const results = of.results.map((size, at) =>
    create(ToolResultSchema, { callId: `c${at}`, content: "r".repeat(size) }),
  );
  return [
    create(MessageSchema, { role: Role.ASSISTANT, parts: [...text.parts, ...calls.parts] }),
    toolMessage(results),
  ];
});

const exchange: Arbitrary<Message[]> = record({ text: length, rounds: array(round, { maxLength: 2 }) }).map((of) => [
  textMessage(Role.USER, "q".repeat(of.text)),
  ...of.rounds.flat(),
  textMessage(Role.ASSISTANT, "a"),
]);

const conversation: Arbitrary<Conversation> = record({
  before: array(exchange, { maxLength: 4 }).map((all) => all.flat()),
  after: array(round, { maxLength: 8 }).map((all) => all.flat()),
  summary: length.map((size) => "s".repeat(size)),
}).map((of) => ({ ...of, head: textMessage(Role.SYSTEM, "head"), task: textMessage(Role.USER, "task") }));

const bare = (messages: readonly Message[]): unknown[] =>
  messages.map(({ role, parts }) => [
    role,
    parts.map(({ part }) => (part.case === "toolResult" ? part.value.callId : part)),
  ]);

it("keeps instructions, task, order, pairs and the newest messages, and gets shorter, whatever the conversation", () => {
  assert(
    property(conversation, length, (whole, summaryLength) => {
      const plan = planCompaction(whole);
      if (!plan) return;
      const next = compacted(plan, "z".repeat(summaryLength));
      const [shown, before] = [messagesOf(next), messagesOf(whole)];
      const kept = [...next.before, ...next.after];

      expect(sizeOf(shown)).toBeLessThan(sizeOf(before));
      expect([next.head, next.task]).toEqual([whole.head, whole.task]);
      expect(bare(kept)).toEqual(bare([...whole.before, ...whole.after]).slice(-kept.length || Infinity));
      expect(plan.older.length + kept.length).toBe(whole.before.length + whole.after.length);
      expect(bare(next.after.slice(-2))).toEqual(bare(whole.after.slice(-2)));
      expectPairs(shown);
    }),
    { numRuns: 500 },
  );
});

it("gets shorter no matter how often, and comes to an end", () => {
  assert(
    property(conversation, (whole) => {
      let now = whole;
      for (let count = 0; count < 100; count++) {
        const plan = planCompaction(now);
        if (!plan) return;
        now = compacted(plan, "z".repeat(100_000));
      }
      throw new Error("there was always something left out");
    }),
    { numRuns: 200 },
  );
});

/** Every call has its result in the message that follows, and no result is without its call. */
function expectPairs(messages: readonly Message[]): void {
  for (const [at, message] of messages.entries()) {
    const calls = toolCallsOf(message).map(({ id }) => id);
    const next = messages[at + 1];
    const results = (next?.role === Role.TOOL ? next.parts : []).map(({ part }) =>
      part.case === "toolResult" ? part.value.callId : "",
    );
    expect(results).toEqual(calls);
  }
  for (const [at, { role }] of messages.entries())
    if (role === Role.USER) expect(messages[at - 1]?.role).not.toBe(Role.TOOL);
}

const course = record({
  seed: integer({ min: 1, max: 1_000_000 }),
  turns: integer({ min: 1, max: 7 }),
  /** Characters that the model takes; what is longer it refuses. */
  takes: constantFrom(3_000, 9_000, 30_000, 1_000_000),
  window: constantFrom(0, 1_000, 4_000),
  history: array(exchange, { maxLength: 2 }).map((all) => all.flat()),
});

type Course = typeof course extends Arbitrary<infer T> ? T : never;

it("makes the same steps from any prefix on as it makes in one go", async () => {
  await assert(
    asyncProperty(course, async (of) => {
      const whole = await run(of, []);

      for (let length = 0; length < whole.journal.length; length++) {
        const resumed = await run(of, whole.journal.slice(0, length));
        expect(resumed).toEqual(whole);
      }
    }),
    { numRuns: 60 },
  );
});

async function run(of: Course, known: readonly Recorded[]): Promise<{ journal: World["journal"]; end: string }> {
  const world = worldOf({
    known,
    context: { history: of.history, historyTokens: Math.ceil(sizeOf(of.history) / 4), contextWindow: of.window },
    model: (key, request) => answerOf(of, key, request),
    tool: (key) => ({ content: "r".repeat(pick(of.seed, key, [5, 300, 2_000, 12_000])) }),
  });
  const end = await agentLoop(world.context).catch((error: unknown) => {
    if (error instanceof Failure && error.reason === "CONTEXT_OVERFLOW") return error.reason;
    throw error;
  });
  return { journal: world.journal, end };
}

/** An answer that follows from the seed and the step alone. */
function answerOf({ seed, turns, takes, window }: Course, key: string, { messages }: ModelRequest): ModelSays {
  const size = sizeOf(messages);
  if (size > takes) return { fails: "CONTEXT_OVERFLOW" };
  const usage = { inputTokens: BigInt(Math.ceil(size / 4)), outputTokens: 3n } as Usage;
  const known = { usage, contextWindow: window };
  const turn = Number(key.split("/")[1]);
  const isOver = key.includes("/compact") || turn > turns;
  if (isOver) return { ...known, message: textMessage(Role.ASSISTANT, "s".repeat(pick(seed, key, [0, 10, 5_000]))) };
  return { ...known, message: wants(...["c1", "c2", "c3"].slice(0, pick(seed, key, [1, 2, 3]))) };
}

function pick<T>(seed: number, key: string, of: readonly T[]): T {
  let hash = seed;
  for (const character of key) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619) >>> 0;
  return of[(hash >>> 8) % of.length] as T;
}
