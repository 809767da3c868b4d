import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ApprovalDecision, ExecutionEventSchema, ExecutionPhase as Phase } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { foldEvent } from "./fold.ts";
import { type ExecutionState, emptyState, isFinal } from "./state.ts";

type Event = MessageInitShape<typeof ExecutionEventSchema>;

const DIGEST = new Uint8Array([0xab, 0xcd]);

describe("the status", () => {
  it("says what the execution was made with", () => {
    const { status } = fold({
      event: { case: "created", value: { sessionId: "ses_1", model: "p/m", agentRevision: "sha256:1" } },
    });

    expect(status).toMatchObject({ sessionId: "ses_1", model: "p/m", agentRevision: "sha256:1", sequence: 1n });
  });

  it("follows the phases: when it first ran, and how it ended", () => {
    const { status } = fold(
      phase(Phase.PENDING, 1),
      phase(Phase.RUNNING, 2),
      phase(Phase.WAITING_FOR_APPROVAL, 3),
      phase(Phase.RUNNING, 4),
      phase(Phase.SUCCEEDED, 5, "x"),
    );

    expect(status).toMatchObject({ phase: Phase.SUCCEEDED, output: "x", sequence: 5n });
    expect([status.startTime, status.endTime]).toEqual([timestampFromMs(2), timestampFromMs(5)]);
  });

  it("adds up what model calls used, failed ones too", () => {
    const usage = { inputTokens: 3n, outputTokens: 2n, cachedInputTokens: 1n };

    const { status } = fold(
      { event: { case: "modelCallFinished", value: { usage } } },
      { event: { case: "modelCallFinished", value: { usage } } },
      { event: { case: "modelCallFinished", value: { error: { reason: "PROVIDER_REFUSED" } } } },
    );

    expect(status).toMatchObject({
      turns: 3,
      usage: { inputTokens: 6n, outputTokens: 4n, cachedInputTokens: 2n },
    });
  });

  it("names the approval that it waits for, as long as it does", () => {
    const asked: Event = {
      stepKey: "s",
      event: { case: "approvalRequested", value: { approvalId: "apr_1", spec: {} } },
    };
    const decided: Event = { stepKey: "s", event: { case: "approvalDecided", value: { approvalId: "apr_1" } } };

    expect(fold(asked).status.approvalId).toBe("apr_1");
    expect(fold(asked, decided).status.approvalId).toBe("");
  });
});

describe("a step", () => {
  const begun: Event = {
    stepKey: "s",
    attempt: 1,
    event: { case: "toolCallStarted", value: { requestDigest: DIGEST, runner: "local" } },
  };

  it("that began has its request and its runner, and no outcome", () => {
    expect(fold(begun).steps.get("s")).toMatchObject({
      ...{ digest: "abcd", attempt: 1, runner: "local", outcome: undefined, approval: undefined },
      ...{ child: "", callId: "" },
    });
  });

  it("that ended has its outcome", () => {
    const ended: Event = {
      stepKey: "s",
      attempt: 1,
      event: { case: "toolCallFinished", value: { requestDigest: DIGEST, result: { content: "x" } } },
    };

    expect(fold(begun, ended).steps.get("s")?.outcome).toMatchObject({ kind: "tool", result: { content: "x" } });
  });

  it("that was settled without having begun has the digest of its request", () => {
    const settled: Event = {
      stepKey: "s",
      event: { case: "toolCallFinished", value: { requestDigest: DIGEST, result: {} } },
    };

    expect(fold(settled).steps.get("s")).toMatchObject({ digest: "abcd", attempt: 0 });
  });

  it("keeps the newest question, the try that it was about, and the answer", () => {
    const ask = (id: string): Event => ({
      stepKey: "s",
      event: { case: "approvalRequested", value: { approvalId: id, spec: { executionId: "aex_1", digest: id } } },
    });
    const answer: Event = {
      stepKey: "s",
      event: {
        case: "approvalDecided",
        value: { approvalId: "apr_2", decision: ApprovalDecision.REJECTED, comment: "no" },
      },
    };

    const { steps } = fold(ask("apr_1"), begun, ask("apr_2"), answer);

    expect(steps.get("s")?.approval).toMatchObject({
      ...{ id: "apr_2", attempt: 1, decision: ApprovalDecision.REJECTED, comment: "no" },
    });
  });

  it("is nobody else's business", () => {
    const other: Event = { ...begun, stepKey: "t", attempt: 7 };

    expect(fold(begun, other).steps.get("s")?.attempt).toBe(1);
  });
});

describe("the conversation", () => {
  const asks = (...hashes: number[]): Event => ({
    stepKey: "m",
    event: { case: "modelCallStarted", value: { messageHashes: hashes.map((hash) => new Uint8Array([hash])) } },
  });
  const answers: Event = { stepKey: "m", event: { case: "modelCallFinished", value: { servedModel: "m" } } };

  it("is what the newest model call was asked, and its answer", () => {
    const { conversation } = fold(asks(1), answers, asks(1, 2, 3), answers);

    expect(conversation.hashes.map(([hash]) => hash)).toEqual([1, 2, 3]);
    expect(conversation.finished?.servedModel).toBe("m");
  });

  it("is none of what sums it up", () => {
    const sums: Event = { stepKey: "c", event: { case: "modelCallStarted", value: { compaction: {} } } };
    const summary: Event = { stepKey: "c", event: { case: "modelCallFinished", value: { servedModel: "c" } } };

    const { conversation } = fold(asks(1, 2), answers, sums, summary);

    expect(conversation.hashes.map(([hash]) => hash)).toEqual([1, 2]);
    expect(conversation.finished?.servedModel).toBe("m");
  });

  it("has no answer while a call is open", () => {
    expect(fold(asks(1), answers, asks(1, 2)).conversation.finished).toBeUndefined();
  });
});

describe("a retry", () => {
  const begins = (stepKey: string): Event => ({ stepKey, event: { case: "modelCallStarted", value: {} } });
  const fails = (stepKey: string, reason: string): Event => ({
    stepKey,
    event: { case: "modelCallFinished", value: { error: { reason, message: "m" } } },
  });

  it("makes a model call anew that failed", () => {
    const { failed } = fold(
      begins("a"),
      fails("a", "PROVIDER_UNAVAILABLE"),
      begins("b"),
      fails("b", "PROVIDER_REFUSED"),
    );

    expect(failed).toEqual(["a", "b"]);
  });

  it("leaves one alone that was too long, where the loop has gone on with less", () => {
    const gone = fold(begins("a"), fails("a", "CONTEXT_OVERFLOW"), begins("b"), fails("b", "CONTEXT_OVERFLOW"));

    expect(gone.failed).toEqual(["b"]);
  });
});

it("comes to the same by any two parts of a journal, one after the other", () => {
  const events = [phase(Phase.PENDING, 1), phase(Phase.RUNNING, 2), phase(Phase.FAILED, 3)];

  const whole = fold(...events);

  for (let cut = 0; cut <= events.length; cut++) {
    const state = fold(...events.slice(0, cut));
    append(state, events.slice(cut));
    expect(state).toEqual(whole);
  }
});

it("knows which phases are an end", () => {
  const phases = Object.values(Phase).filter((value) => typeof value === "number");

  expect(phases.filter(isFinal)).toEqual([Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TERMINATED]);
});

function fold(...events: Event[]): ExecutionState {
  const state = emptyState("aex_1");
  append(state, events);
  return state;
}

function append(state: ExecutionState, events: readonly Event[]): void {
  for (const event of events) foldEvent(state, create(ExecutionEventSchema, event), state.sequence + 1);
}

function phase(to: Phase, at: number, output = ""): Event {
  return { time: timestampFromMs(at), event: { case: "phaseChanged", value: { phase: to, output } } };
}
