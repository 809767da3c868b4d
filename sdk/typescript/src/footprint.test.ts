import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { create } from "@bufbuild/protobuf";
import { connectTo } from "@stigmer/client/node";
import { ToolCallSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import type { AgentContext } from "./agent.ts";
import { answering, startFakeBackend } from "./backend.fake.ts";
import { runRunner } from "./runner.ts";

const EXECUTIONS = 1_000;
const SLOTS = 2;

it("leaves nothing behind of a thousand executions that parked, two at a time", async () => {
  const backend = await startFakeBackend();
  backend.call = () => answering({ message: { case: "parked", value: {} } });
  const client = connectTo({ url: backend.url });
  const stop = new AbortController();
  const contexts: WeakRef<AgentContext>[] = [];
  let running = 0;
  let most = 0;
  const agent = async (context: AgentContext): Promise<string> => {
    contexts.push(new WeakRef(context));
    most = Math.max(most, ++running);
    try {
      return (await context.callTool("s", create(ToolCallSchema, { id: "c", name: "t" }))).content;
    } finally {
      running--;
    }
  };
  const end = runRunner({ client, name: "test", instance: "instance-1", agent, slots: SLOTS, signal: stop.signal });
  const connection = await backend.nextRunner();
  connection.welcome([], 20n);

  for (let sent = 0; sent < SLOTS; sent++) connection.assign(`aex_${sent}`, 1n);
  for (let ended = 0; ended < EXECUTIONS; ended++) {
    await connection.next("attemptFinished");
    if (ended + SLOTS < EXECUTIONS) connection.assign(`aex_${ended + SLOTS}`, 1n);
  }
  const { running: held } = await connection.next("heartbeat");
  collectGarbage();

  expect([contexts.length, most, running, held]).toEqual([EXECUTIONS, SLOTS, 0, []]);
  expect(contexts.filter((context) => context.deref()).length).toBeLessThan(10);
  stop.abort();
  await end;
  client.close();
  await backend.crash();
}, 180_000);

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
