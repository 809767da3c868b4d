import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { ExecutionQueryController, SubscribeRequestSchema } from "@stigmer/contracts/agentic";
import { startDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents, createScratch, scriptedModel, startExecution, type Turn } from "./effects.ts";
import { endOf, journalOf, memoryOf } from "./journal.ts";
import { createPerson, pause } from "./person.ts";
import { frame } from "./raw-runner.ts";

const MIB = 1024 * 1024;
/** Together they could be sent more than half a gigabyte. */
const SLOW_READERS = 200;
const SLOW_MS = 10_000;
const RESULT_BYTES = 100_000;
const RESULTS = 27;

it("is not held up by subscribers that read a byte a second: others follow at their pace, and the daemon stays small", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon({ env: { NODE_OPTIONS: "--max-old-space-size=160" } });
  await applyAgents(daemon.client);
  await using _person = createPerson(daemon.client);
  const look = { name: "effects__look", arguments: { bytes: RESULT_BYTES } };
  const long: Turn[] = [...Array(RESULTS).fill({ toolCalls: [look] }), { text: "Done." }];
  const big = await startExecution(daemon.client, {
    model: scriptedModel(scratch.path, long, "long"),
    workspace: scratch.path,
  });
  expect((await endOf(daemon.client, big)).status?.output).toBe("Done.");
  const before = memoryOf(daemon.process.pid);

  const slow = Array.from({ length: SLOW_READERS }, () => subscribeSlowly(daemon.url, big));
  const latencies = await followDeltas();
  const whole = await journalOf(daemon.newClient(), big);
  await pause(SLOW_MS);
  const read = await Promise.all(slow.map((reader) => reader.end()));
  const grown = memoryOf(daemon.process.pid).most - before.now;

  expect(latencies.length).toBeGreaterThan(50);
  expect(latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.9)], "p90 between deltas").toBeLessThan(
    250,
  );
  expect(whole.length).toBeGreaterThan(4 * RESULTS);
  for (const bytes of read) expect(bytes).toBeLessThan(RESULT_BYTES);
  expect(grown, "growth of the daemon").toBeLessThan(200 * MIB);

  /** The times between the deltas of a model that says a word every 50 ms, as another subscriber sees them. */
  async function followDeltas(): Promise<number[]> {
    const words = Array.from({ length: 100 }, (_, n) => `word${n}`).join(" ");
    const model = scriptedModel(scratch.path, [{ text: words, delayMs: 50 }], "words");
    const executionId = await startExecution(daemon.client, { model, agent: "talker" });
    const times: number[] = [];
    for await (const { message } of daemon.client.service(ExecutionQueryController).subscribe({ executionId }))
      if (message.case === "delta") times.push(performance.now());
    return times.slice(1).map((time, index) => time - (times[index] ?? time));
  }
});

it("lets a subscriber that was slow go on where it was, and miss nothing", async () => {
  using scratch = createScratch();
  await using daemon = await startDaemon();
  await applyAgents(daemon.client);
  await using _person = createPerson(daemon.client);
  const look = { name: "effects__look", arguments: { bytes: RESULT_BYTES } };
  const model = scriptedModel(scratch.path, [...Array(RESULTS).fill({ toolCalls: [look] }), { text: "Done." }]);
  const id = await startExecution(daemon.client, { model, workspace: scratch.path });
  const { subscribe } = daemon.client.service(ExecutionQueryController);

  const seen: bigint[] = [];
  for (let done = false; !done; ) {
    const from = (seen.at(-1) ?? 0n) + 1n;
    try {
      for await (const { message } of subscribe({ executionId: id, fromSequence: from })) {
        if (message.case !== "entry") continue;
        seen.push(message.value.sequence);
        await pause(50);
      }
      done = true;
    } catch {
      // closed as too slow: goes on after what it has
    }
  }
  const journal = await journalOf(daemon.client, id);

  expect(seen).toEqual(journal.map(({ sequence }) => BigInt(sequence)));
});

/** A subscriber by hand on HTTP/2 that opens its window a byte at a time, once a second. */
function subscribeSlowly(url: string, executionId: string) {
  const session = connect(url, { settings: { initialWindowSize: 1 } });
  session.on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": "/ai.stigmer.agentic.execution.v1.ExecutionQueryController/subscribe",
    "content-type": "application/grpc",
    te: "trailers",
  });
  let bytes = 0;
  stream.on("error", () => {});
  stream.pause();
  stream.end(frame(toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { executionId }))));
  const timer = setInterval(() => {
    bytes += stream.read(1)?.length ?? 0;
  }, 1_000);
  return {
    async end(): Promise<number> {
      clearInterval(timer);
      session.destroy();
      return bytes;
    },
  };
}
