import type { Fault } from "@stigmer/base";
import { AgentExecutionQueryController, ExecutionPhase as Phase, Role } from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { type GenerateResponse, ModelController } from "@stigmer/contracts/gateway";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { callTool, drive, generate } from "./driven.fake.ts";
import { eventsOf, kindsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { type ModelServer, startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent } from "./resources.fake.ts";
import { connectRunner, leaseOf } from "./runner-line.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;
let provider: ModelServer;

beforeEach(async () => {
  provider = await startModelServer();
  daemon = await startTestDaemon();
  daemon.configure(provider.config);
  await createAgent(daemon.client, { model: "held/m" });
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

describe("a step", () => {
  it("that is finished answers from the journal, and the provider is not asked again", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");
    const first = allOf(generate(daemon.client, lease));
    const call = await provider.next();
    call.say("once");
    call.finish();

    const answers = [await first, await allOf(generate(daemon.client, lease))];

    expect(answers.map(textOf)).toEqual(["once", "once"]);
    expect(provider.count).toBe(1);
    expect(kindsOf(await eventsOf(daemon.client, id)).slice(-2)).toEqual(["modelCallStarted", "modelCallFinished"]);
  });

  it("that is finished answers from the journal after a restart", async () => {
    const { lease } = await drive(daemon.client, "held/m");
    const first = allOf(generate(daemon.client, lease));
    const call = await provider.next();
    call.say("once");
    call.finish();
    await first;

    await daemon.stop();
    await daemon.start();

    expect(textOf(await allOf(generate(daemon.client, lease)))).toBe("once");
    expect(provider.count).toBe(1);
  });

  it("is refused with another request, whether it runs or is finished", async () => {
    const { lease } = await drive(daemon.client, "held/m");
    const first = allOf(generate(daemon.client, lease));
    const call = await provider.next();

    const running = await refused(allOf(generate(daemon.client, lease, { text: "something else" })));
    call.finish();
    await first;
    const finished = await refused(allOf(generate(daemon.client, lease, { text: "something else" })));
    const asTool = await refused(callTool(daemon.client, lease, { name: "a" }, "model"));

    for (const fault of [running, finished, asTool])
      expect(fault).toMatchObject({ kind: "precondition", reason: "STEP_DIVERGED", facts: { step: "model" } });
  });

  it("that runs is joined by a second caller, who gets the whole text", async () => {
    const { lease } = await drive(daemon.client, "held/m");
    const first = generate(daemon.client, lease)[Symbol.asyncIterator]();
    const opened = first.next();
    const call = await provider.next();
    call.say("one ");
    const begun = await opened;

    const second = generate(daemon.client, lease)[Symbol.asyncIterator]();
    const joined = await second.next();
    call.say("two");
    call.finish();
    const [rest, others] = await Promise.all([restOf(first), restOf(second)]);

    expect([begun.value, joined.value].map((answer) => answer?.message.value)).toEqual(["one ", "one "]);
    expect(textOf(rest)).toBe("one two");
    expect(textOf(others)).toBe("one two");
    expect(provider.count).toBe(1);
  });

  it("is joined by all who ask for it at once", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");

    const answers = Array.from({ length: 20 }, () => allOf(generate(daemon.client, lease)));
    const call = await provider.next();
    call.say("once");
    call.finish();

    expect(new Set((await Promise.all(answers)).map(textOf))).toEqual(new Set(["once"]));
    expect(provider.count).toBe(1);
    expect(valuesOf(await eventsOf(daemon.client, id), "modelCallStarted")).toHaveLength(1);
  });

  it("goes on when its caller goes", async () => {
    const { lease } = await drive(daemon.client, "held/m");
    const gone = new AbortController();
    const first = allOf(generate(daemon.client, lease, { signal: gone.signal })).catch(() => "gone");
    const call = await provider.next();

    gone.abort();
    await first;
    const second = allOf(generate(daemon.client, lease));
    call.say("still there");
    call.finish();

    expect(textOf(await second)).toBe("still there");
    expect(provider.count).toBe(1);
  });

  it("asks a provider again that was away, and voids what it had said", async () => {
    const { id, lease } = await drive(daemon.client, "held/m");
    const source = generate(daemon.client, lease)[Symbol.asyncIterator]();
    const opened = source.next();
    const first = await provider.next();
    first.say("void");
    const begun = (await opened).value;
    first.drop();

    const second = await provider.next();
    second.say("good");
    second.finish();
    const got = await restOf(source);

    expect([begun, ...got].map((answer) => answer?.message.case)).toEqual(["delta", "restarted", "delta", "result"]);
    expect(textOf(got)).toBe("good");
    const [finished] = valuesOf(await eventsOf(daemon.client, id), "modelCallFinished");
    expect(finished).toMatchObject({ providerAttempts: 2 });
  });

  it("may carry a large conversation, many of them at once on one connection", async () => {
    const { lease } = await drive(daemon.client, daemon.script([{ text: "read" }]));
    const text = "x".repeat(3 * 1024 * 1024);

    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => allOf(generate(daemon.client, lease, { text, stepKey: `step-${at}` }))),
    );

    expect(new Set(answers.map(textOf))).toEqual(new Set(["read"]));
  });

  it("records a refusal of the provider as its outcome", async () => {
    const { lease } = await drive(daemon.client, "held/m");
    const first = allOf(generate(daemon.client, lease));
    (await provider.next()).fail(400);

    const answers = [await first, await allOf(generate(daemon.client, lease))];

    for (const answer of answers) {
      const result = answer.at(-1)?.message;
      expect(result?.case === "result" && result.value.error?.reason).toBe("PROVIDER_REFUSED");
    }
    expect(provider.count).toBe(1);
  });

  it("that a stop of the daemon cuts off begins anew after it", async () => {
    await using other = await startTestDaemon({ drainMs: 0 });
    other.configure(provider.config);
    await createAgent(other.client);
    const { lease } = await drive(other.client, "held/m");
    const cut = refused(allOf(generate(other.client, lease)));
    const first = await provider.next();

    await other.stop();
    await first.gone;
    await other.start();
    const again = allOf(generate(other.client, lease));
    const second = await provider.next();
    second.say("at last");
    second.finish();

    expect(await cut).toMatchObject({ kind: "unavailable", reason: "SHUTTING_DOWN" });
    expect(textOf(await again)).toBe("at last");
    expect(other.log.filter(({ level }) => level >= 50)).toEqual([]);
  });

  it("does not begin while the daemon stops", async () => {
    const { lease } = await drive(daemon.client, "held/m");
    const running = allOf(generate(daemon.client, lease));
    const call = await provider.next();

    const stopping = daemon.stop();
    const late = await refused(allOf(generate(daemon.client, lease, { stepKey: "late" })));
    call.say("in time");
    call.finish();
    const answer = await running;
    await stopping;

    expect(late).toMatchObject({ kind: "unavailable", reason: "SHUTTING_DOWN" });
    expect(textOf(answer)).toBe("in time");
  });
});

describe("a lease that is not the live one", () => {
  it("but of an epoch before may not generate, list or call", async () => {
    const { lease, line } = await drive(daemon.client, "held/m");
    const back = await connectRunner(daemon.client, { instance: line.instance });
    const next = leaseOf(await back.next("assignment"));

    const faults = await asking(lease);

    expect(next.epoch).toBe(lease.epoch + 1n);
    for (const fault of faults)
      expect(fault).toMatchObject({ kind: "conflict", reason: "LEASE_FENCED", facts: { sent: "1", current: "2" } });
    expect(provider.count).toBe(0);
  });

  it.each([
    ["of an epoch to come", 2n],
    ["of an epoch beyond what a double holds", 2n ** 53n + 1n],
    ["of the largest epoch", 2n ** 63n - 1n],
  ])("%s may not generate, list or call", async (_, epoch) => {
    const { id } = await drive(daemon.client, "held/m");

    const faults = await asking({ executionId: id, epoch });

    for (const fault of faults) expect(fault).toMatchObject({ kind: "conflict", reason: "LEASE_FENCED" });
    expect(provider.count).toBe(0);
  });

  it.each([2n, 2n ** 53n + 1n, 2n ** 63n - 1n])("of epoch %s may not end the execution", async (epoch) => {
    const { id, line } = await drive(daemon.client, "held/m");

    line.send({
      case: "attemptFinished",
      value: { lease: { executionId: id, epoch }, outcome: { case: "output", value: "forged" } },
    });
    const { message } = await line.next("acknowledged");

    expect(message).toMatchObject({ case: "attempt", value: { epoch } });
    const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });
    expect(status?.phase).toBe(Phase.RUNNING);
  });

  it("is over once the execution has ended", async () => {
    const { id, lease, line } = await drive(daemon.client, "held/m");
    line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: "done" } } });
    await untilEnd(daemon.client, id);

    const fault = await refused(allOf(generate(daemon.client, lease)));

    expect(fault.reason).toBe("LEASE_FENCED");
  });
});

describe("a request for a step", () => {
  const user = { role: Role.USER, parts: [{ part: { case: "text" as const, value: "hi" } }] };

  it.each([
    ["no execution", { executionId: "" }, "executionId"],
    ["no epoch", { epoch: 0n }, "epoch"],
    ["a negative epoch", { epoch: -1n }, "epoch"],
    ["no step key", { stepKey: "" }, "stepKey"],
    ["a step key that is too long", { stepKey: "k".repeat(513) }, "stepKey"],
    ["no message", { messages: [] }, "messages"],
    ["a message without a role", { messages: [{ ...user, role: 0 }] }, "messages[0].role"],
    ["a part without content", { messages: [{ ...user, parts: [{}] }] }, "messages[0].parts[0].part"],
    ["a tool without a name", { tools: [{ name: "" }] }, "tools[0].name"],
  ])("is refused with %s", async (_, wrong, field) => {
    const request = { executionId: "aex_1", epoch: 1n, stepKey: "s", messages: [user], ...wrong };

    const fault = await refused(allOf(daemon.client.service(ModelController).generate(request)));

    expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field }] });
  });

  it("is refused for an execution that there is none of", async () => {
    const lease = { executionId: "aex_1", epoch: 1n };

    const faults = [
      await refused(allOf(generate(daemon.client, lease))),
      await refused(daemon.client.service(ToolController).list(lease)),
      await refused(callTool(daemon.client, lease, { name: "a" })),
    ];

    for (const { kind } of faults) expect(["notFound", "conflict"]).toContain(kind);
  });
});

function asking(lease: { readonly executionId: string; readonly epoch: bigint }): Promise<Fault[]> {
  return Promise.all([
    refused(allOf(generate(daemon.client, lease))),
    refused(daemon.client.service(ToolController).list(lease)),
    refused(callTool(daemon.client, lease, { name: "a" })),
  ]);
}

async function restOf(source: AsyncIterator<GenerateResponse>): Promise<GenerateResponse[]> {
  return await allOf({ [Symbol.asyncIterator]: () => source });
}

/** The text of the result at the end. */
function textOf(answers: readonly GenerateResponse[]): string {
  const last = answers.at(-1)?.message;
  if (last?.case !== "result") throw new Error(`the stream ended with ${last?.case}`);
  return last.value.message?.parts.map(({ part }) => (part.case === "text" ? part.value : "")).join("") ?? "";
}
