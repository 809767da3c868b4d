import { create } from "@bufbuild/protobuf";
import { connectTo } from "@stigmer/client/node";
import { ToolCallSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import type { AgentLoop } from "./agent.ts";
import { startLossyBackend } from "./lossy-backend.fake.ts";
import { runRunner } from "./runner.ts";

const STEPS = 4;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

it.concurrent.each(SEEDS)(
  "tells every end, and drives no execution twice at once, wherever the line is cut: seed %i",
  async (seed) => {
    const random = seeded(seed);
    const backend = await startLossyBackend({ executions: 12, cuts: 6, random });
    const client = connectTo({ url: backend.url });
    const stop = new AbortController();
    const { agent, most, atOnce } = watchedLoop();
    const end = runRunner({
      client,
      name: "test",
      instance: `instance-${seed}`,
      agent,
      slots: 64,
      signal: stop.signal,
    });

    await backend.serve();
    stop.abort();
    await end;
    client.close();
    await backend.crash();

    expect([...backend.fates.values()].filter(({ ends }) => ends.length === 0)).toEqual([]);
    expect(most()).toBe(1);
    expect(atOnce.size).toBe(0);
  },
  60_000,
);

/** Makes some tool calls, and counts how many of its kind drive the same execution. */
function watchedLoop() {
  const atOnce = new Map<string, number>();
  let most = 0;
  const agent: AgentLoop = async ({ executionId, callTool }) => {
    const count = (atOnce.get(executionId) ?? 0) + 1;
    atOnce.set(executionId, count);
    most = Math.max(most, count);
    try {
      for (let step = 1; step <= STEPS; step++)
        await callTool(`s${step}`, create(ToolCallSchema, { id: "c", name: "t" }));
      return "done";
    } finally {
      // Some loops take a while to notice that they are over.
      await new Promise(setImmediate);
      if (count === 1) atOnce.delete(executionId);
      else atOnce.set(executionId, count - 1);
    }
  };
  return { agent, atOnce, most: () => most };
}

/** Numbers from 0 to 1 that are the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}
