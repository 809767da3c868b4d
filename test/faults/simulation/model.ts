import { create } from "@bufbuild/protobuf";
import { unavailable } from "@stigmer/base";
import {
  FinishReason,
  type Message,
  MessageSchema,
  type PartSchema,
  Role,
  UsageSchema,
} from "@stigmer/contracts/agentic";
import type { ModelProvider } from "@stigmer/gateway/port";
import { createRandom, type Random } from "./random.ts";
import { TOOLS } from "./tools.ts";

type Part = NonNullable<Parameters<typeof create<typeof PartSchema>>[1]>;

/** Most turns of one execution, the last one without a tool. */
const MOST_TURNS = 5;

/**
 * A model whose answer depends on the seed and the request alone, as one with a fixed temperature: the conversation says
 * which turn it is. `flaky` draws when a try fails and how long it takes, which no step may depend on.
 */
export function createModel(seed: number, flaky: Random): ModelProvider {
  return {
    async generate({ messages, tools }, { signal, onText }) {
      await pause(flaky.chance(0.1) ? flaky.between(1_000, 8_000) : flaky.between(20, 900), signal);
      if (flaky.chance(0.05)) throw unavailable("PROVIDER_UNAVAILABLE", {}, { message: "overloaded" });
      const random = createRandom(`${seed}/${conversation(messages)}`);
      const parts = answer(random, { turn: turnOf(messages), offered: tools.map(({ name }) => name) });
      for (const { part } of parts) if (part?.case === "text") onText(part.value);
      await pause(flaky.between(1, 100), signal);
      const calls = parts.some(({ part }) => part?.case === "toolCall");
      return {
        message: create(MessageSchema, { role: Role.ASSISTANT, parts }),
        finishReason: calls ? FinishReason.TOOL_CALLS : FinishReason.STOP,
        servedModel: "sim",
        usage: create(UsageSchema, { inputTokens: 10n, outputTokens: 5n }),
        scripted: true,
      };
    },
    list: async () => [],
  };
}

/** Texts of tools may differ between two runs of one conversation, calls and what the user said do not. */
function conversation(messages: readonly Message[]): string {
  return messages
    .flatMap(({ role, parts }) => parts.map(({ part }) => (role === Role.TOOL ? "tool" : JSON.stringify(part.value))))
    .join("|");
}

function turnOf(messages: readonly Message[]): number {
  const since = messages.slice(messages.findLastIndex(({ role }) => role === Role.USER) + 1);
  return 1 + since.filter(({ role }) => role === Role.ASSISTANT).length;
}

type Position = { readonly turn: number; readonly offered: readonly string[] };

function answer(random: Random, { turn, offered }: Position): Part[] {
  const count = turn >= MOST_TURNS || random.chance(0.2) ? 0 : random.int(1, 2);
  const calls = Array.from({ length: count }, (_, at) => {
    const wanted = random.pick(TOOLS).tool;
    const ours = offered.find((one) => one.endsWith(wanted));
    const name = ours === undefined || random.chance(0.15) ? random.pick(offered) : ours;
    const nonce = Math.floor(random.next() * 1e12).toString(36);
    // Enough for any tool: one of the box, a question to the user, an order to another agent.
    const all = JSON.stringify({ nonce, question: `${nonce}?`, message: `do ${nonce}` });
    return { part: { case: "toolCall" as const, value: { id: `c${at}`, name, arguments: all } } };
  });
  const text = { part: { case: "text" as const, value: calls.length > 0 ? `turn ${turn}` : `done in ${turn}` } };
  return [text, ...calls];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
