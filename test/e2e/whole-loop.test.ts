import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  AgentCommandController,
  type AgentExecution,
  AgentExecutionCommandController,
  type AgentSpecSchema,
  type ExecutionEvent,
  ExecutionEventSchema,
  ExecutionQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { type Asked, type DecidingModel, type Said, startDecidingModel } from "./deciding-model.ts";
import { eventually, startDaemon } from "./harness.ts";
import { approveUntilEnd } from "./notes.ts";

type Spec = Omit<MessageInitShape<typeof AgentSpecSchema>, "$typeName">;

async function startAgent(client: Client, spec: Spec): Promise<string> {
  await client
    .service(AgentCommandController)
    .create({ metadata: { name: "a" }, spec: { instructions: "Help.", ...spec } });
  return await say(client, { agent: "a" }, "begin");
}

async function say(client: Client, of: { agent?: string; sessionId?: string }, message: string): Promise<string> {
  const spec = { ...of, message };
  const { metadata } = await client.service(AgentExecutionCommandController).create({ metadata: {}, spec });
  return metadata?.id ?? "";
}

async function eventsOf(client: Client, executionId: string): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  const stream = client.service(ExecutionQueryController).subscribe({ executionId, stopAtEnd: true });
  for await (const { message } of stream)
    if (message.case === "entry") events.push(fromBinary(ExecutionEventSchema, message.value.event));
  return events;
}

const answered = (events: readonly ExecutionEvent[]): string[] =>
  events.flatMap(({ event, stepKey }) => (event.case === "modelCallFinished" ? [stepKey] : []));
const compactions = (events: readonly ExecutionEvent[]) =>
  events.filter(({ event }) => event.case === "contextCompacted");

const isSummary = ({ tools = [] }: Asked): boolean => tools.length === 0;
const sizeOf = (asked: Asked): number => JSON.stringify(asked.messages).length;
/** Turns that the model has had as far as it can see them. */
const seen = ({ messages }: Asked): number => messages.filter(({ role }) => role === "assistant").length;
const lastOf = ({ messages }: Asked): string => JSON.stringify(messages.at(-1));

const OUTPUT = { schema: '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}' };

describe("an agent with an output schema", () => {
  it("answers with JSON that fits, after it was told what did not", async () => {
    const said: Said[] = [
      { text: "Here you are." },
      { text: '{"n": "1"}' },
      { text: '```json\n{"n": 1, "a": 2}\n```' },
    ];
    await using model = await startDecidingModel((asked) => said[seen(asked)] ?? { status: 400 });
    await using daemon = await startDaemon({ config: model.config(0) });

    const id = await startAgent(daemon.client, { output: OUTPUT });
    const { status } = await approveUntilEnd(daemon.client, id);

    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, output: '{"a":2,"n":1}' });
    expect(answered(await eventsOf(daemon.client, id))).toEqual(["turn/1/model", "turn/2/model", "turn/3/model"]);
    expect(model.asked.map(lastOf).slice(1)).toEqual([
      expect.stringContaining("not JSON"),
      expect.stringContaining("answer/n"),
    ]);
    expect(JSON.stringify(model.asked[0])).toContain('"integer"');
  });

  it("fails with OUTPUT_INVALID where its answer never fits", async () => {
    await using model = await startDecidingModel(() => ({ text: "no" }));
    await using daemon = await startDaemon({ config: model.config(0) });

    const id = await startAgent(daemon.client, { output: { ...OUTPUT, maxRepairs: 1 } });
    const { status } = await approveUntilEnd(daemon.client, id);

    expect(status?.error).toMatchObject({ reason: "OUTPUT_INVALID", message: expect.stringContaining("not JSON") });
    expect(model.asked).toHaveLength(2);
  });

  it("is not stored with a schema that cannot be held to", async () => {
    await using daemon = await startDaemon();

    const output = { schema: '{"properties":{"n":{"$ref":"https://example.com/n"}}}' };
    const refused = daemon.client
      .service(AgentCommandController)
      .create({ metadata: { name: "a" }, spec: { instructions: "Help.", output } });

    await expect(refused).rejects.toMatchObject({
      reason: "INVALID_REQUEST",
      violations: [{ field: "spec.output.schema", description: expect.stringContaining("#/properties/n/$ref") }],
    });
  });
});

/** Works through three long lists, then answers; each call uses as many tokens as the conversation has characters. */
function works(hold: Promise<unknown> = Promise.resolve(), most = Number.POSITIVE_INFINITY) {
  let lists = 0;
  return async (asked: Asked): Promise<Said> => {
    const tokens = sizeOf(asked);
    if (isSummary(asked)) {
      await hold;
      return { text: "What was done before.", tokens };
    }
    if (tokens > most) return { status: 400, code: "context_length_exceeded" };
    lists += 1;
    return lists <= 3 ? { items: 10, tokens } : { text: "done", tokens };
  };
}

describe("a conversation that comes near the model's limit", () => {
  const WINDOW = 10_000;

  it("goes on with a summary of its older part, recorded together with it", async () => {
    await using model = await startDecidingModel(works());
    await using daemon = await startDaemon({ config: model.config(WINDOW) });

    const id = await startAgent(daemon.client, { todoList: true });
    const { status } = await approveUntilEnd(daemon.client, id);

    const events = await eventsOf(daemon.client, id);
    const [compaction] = compactions(events);
    const { valid } = await daemon.client.service(ExecutionQueryController).verify({ executionId: id });
    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, output: "done" });
    expect(answered(events)).toContain("turn/4/compact");
    expect(compaction).toMatchObject({ stepKey: "turn/4/compact", event: { value: { keptMessages: 4 } } });
    expect(JSON.stringify(model.asked.at(-1))).toContain("What was done before.");
    expect(valid).toBe(true);
  });

  it.each(["runner", "daemon"] as const)(
    "goes on where the %s is killed while the summary is written",
    async (killed) => {
      const held = Promise.withResolvers<void>();
      await using model = await startDecidingModel(works(held.promise));
      await using daemon = await startDaemon({ config: model.config(WINDOW) });
      const id = await startAgent(daemon.client, { todoList: true });
      await eventually(() => model.asked.find(isSummary), "the summary to be asked for");

      if (killed === "runner") process.kill(daemon.runnerPid() ?? 0, "SIGKILL");
      else {
        await daemon.kill();
        await daemon.restart();
      }
      held.resolve();
      const { status } = await approveUntilEnd(daemon.client, id);

      const events = await eventsOf(daemon.client, id);
      expect(status).toMatchObject({ phase: Phase.SUCCEEDED, output: "done" });
      expect(compactions(events)).toHaveLength(1);
      expect(new Set(answered(events)).size).toBe(answered(events).length);
    },
  );

  it("is the same for a fork that asks another model from there on", async () => {
    await using model = await startDecidingModel(works());
    await using daemon = await startDaemon({ config: model.config(WINDOW) });
    const id = await startAgent(daemon.client, { todoList: true });
    await approveUntilEnd(daemon.client, id);
    const events = await eventsOf(daemon.client, id);
    const sequence = BigInt(events.findIndex(({ event }) => event.case === "contextCompacted") + 1);

    const forks = daemon.client.service(AgentExecutionCommandController);
    const { metadata } = await forks.fork({ id, sequence, model: "other/m" });
    const { status } = await approveUntilEnd(daemon.client, metadata?.id ?? "");

    const made = await eventsOf(daemon.client, metadata?.id ?? "");
    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, output: "done" });
    expect(answered(made)).toEqual(["turn/4/model"]);
  });

  it("is replaced before the first call of the session's next message", async () => {
    await using model = await startDecidingModel((asked) =>
      isSummary(asked)
        ? { text: "They said hello." }
        : { text: "a".repeat(5_000), tokens: 5_000 * seen(asked) + 5_000 },
    );
    await using daemon = await startDaemon({ config: model.config(WINDOW) });
    const tools = { todoList: true };
    const sessionOf = ({ status }: AgentExecution): string => status?.sessionId ?? "";

    const first = await approveUntilEnd(daemon.client, await startAgent(daemon.client, tools));
    const second = await say(daemon.client, { sessionId: sessionOf(first) }, "more");
    await approveUntilEnd(daemon.client, second);
    const third = await say(daemon.client, { sessionId: sessionOf(first) }, "and more");
    await approveUntilEnd(daemon.client, third);

    expect(answered(await eventsOf(daemon.client, second))).toEqual(["turn/1/model"]);
    expect(answered(await eventsOf(daemon.client, third))).toEqual(["turn/1/compact", "turn/1/model"]);
    expect(JSON.stringify(model.asked.at(-1))).toContain("They said hello.");
  });
});

describe("a conversation that the model refuses as too long", () => {
  it("goes on under another key with a summary, though nobody knows how much the model takes", async () => {
    await using model = await startDecidingModel(works(undefined, 12_000));
    await using daemon = await startDaemon({ config: model.config(0) });

    const id = await startAgent(daemon.client, { todoList: true });
    const { status } = await approveUntilEnd(daemon.client, id);

    const steps = answered(await eventsOf(daemon.client, id));
    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, output: "done" });
    expect(steps.slice(-3)).toEqual(["turn/4/model", "turn/4/compact", "turn/4/model#2"]);
  });

  it("fails with CONTEXT_OVERFLOW where that does not help", async () => {
    await using model = await startDecidingModel(works(undefined, 1_000));
    await using daemon = await startDaemon({ config: model.config(0) });

    const id = await startAgent(daemon.client, { todoList: true });
    const { status } = await approveUntilEnd(daemon.client, id);

    expect(status?.error?.reason).toBe("CONTEXT_OVERFLOW");
  });

  it("is not asked about anew by a retry that comes later", async () => {
    let isAway = true;
    const work = works(undefined, 12_000);
    await using model = await startDecidingModel(async (asked) => {
      const isShort = JSON.stringify(asked).includes("What was done before.");
      return isAway && isShort && !isSummary(asked) ? { status: 401 } : await work(asked);
    });
    await using daemon = await startDaemon({ config: model.config(0) });
    const id = await startAgent(daemon.client, { todoList: true });
    const failed = await approveUntilEnd(daemon.client, id);

    isAway = false;
    await daemon.client.service(AgentExecutionCommandController).retry({ id });
    const { status } = await eventually(async () => {
      const execution = await approveUntilEnd(daemon.client, id);
      return execution.status?.phase === Phase.SUCCEEDED ? execution : undefined;
    }, "the retry to end");

    expect(failed.status?.error?.reason).toBe("PROVIDER_REFUSED");
    expect(status?.output).toBe("done");
    expect(refusedOnes(model)).toBe(1);
  });
});

/** Requests that were too long. */
function refusedOnes({ asked }: DecidingModel): number {
  return asked.filter((one) => !isSummary(one) && sizeOf(one) > 12_000).length;
}
