import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { silentLog, systemClock } from "@stigmer/base";
import {
  AgentExecutionSchema,
  ExecutionCreatedSchema,
  ExecutionPhase as Phase,
  ToolCallFinishedSchema,
  ToolCallStartedSchema,
} from "@stigmer/contracts/agentic";
import {
  createExecutions,
  createHub,
  createLiveSteps,
  createRunners,
  createSteps,
  mergeBatches,
  type NewEvent,
} from "@stigmer/execution";
import * as kindDefinitions from "@stigmer/kinds";
import { createKinds, type Resource, toRow } from "@stigmer/resource";
import type { Store } from "@stigmer/store";
import { openLevelStore } from "@stigmer/store-leveldb";
import { afterAll, beforeAll, expect, it } from "vitest";
import { noSecrets } from "./no-secrets.fake.ts";

const REF = { org: "local", id: "aex_long" };
const EVENTS_AT_ONCE = 250;
/** Two events are a step. */
const LENGTH = 200_000;
/** Entries between two snapshots, those of one commit, and some: what is read where nothing is in memory. */
const COLD = 600;

let dir: string;
let store: Store;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "stigmer-journal-"));
  await open();
  await begin();
  const { executions } = engineOver(store);
  for (let from = 0; from < LENGTH; from += EVENTS_AT_ONCE) {
    const events = Array.from({ length: EVENTS_AT_ONCE / 2 }, (_, at) => stepEvents(from / 2 + at)).flat();
    await executions.record(REF, () => ({ events, answer: undefined }));
  }
}, 180_000);
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

it("is loaded by a bounded number of entries", async () => {
  const { executions, read } = engineOver(store);

  const { sequence } = await executions.load(REF);
  const cold = read();
  await executions.load(REF);

  expect(sequence).toBe(LENGTH + 2);
  expect(cold).toBeLessThan(COLD);
  expect(read() - cold).toBe(0);
});

it("costs no more for a new step than a short one does", async () => {
  const { executions, read, make } = engineOver(store);
  await executions.load(REF);
  const before = read();

  for (let count = 0; count < 100; count++) await make(`new/${count}`);

  expect(read() - before).toBeLessThanOrEqual(2 * 100);
});

it.each([0, 1_000, LENGTH / 2 - 1])("finds the outcome of step %s by its mark alone", async (at) => {
  const { executions, read, make } = engineOver(store);
  await executions.load(REF);
  const before = read();

  const answer = await make(`step/${at}`);

  expect(answer).toMatchObject({ kind: "done", outcome: { result: { content: `result ${at}` } } });
  expect(read() - before).toBeLessThanOrEqual(1);
});

it("is loaded by a bounded number of entries after a restart too", async () => {
  await store.close();
  await open();
  const { executions, read, make } = engineOver(store);

  await executions.load(REF);
  await make("step/7");
  await make("after a restart");

  expect(read()).toBeLessThan(COLD);
});

it("is read as it stood a moment ago by a bounded number of entries", async () => {
  const { executions, read } = engineOver(store);
  const { sequence } = await executions.load(REF);
  const before = read();

  const state = await executions.at(REF, sequence - 10);

  expect(state.sequence).toBe(sequence - 10);
  expect(read() - before).toBeLessThan(COLD);
});

async function open(): Promise<void> {
  store = await openLevelStore({ dir, clock: systemClock, log: silentLog });
}

/** The engine with nothing in memory, and the journal entries that it has read. */
function engineOver(real: Store) {
  let entries = 0;
  const counting: Store = {
    ...real,
    async read(stream, range) {
      const found = await real.read(stream, range);
      entries += found.length;
      return found;
    },
  };
  const kinds = createKinds(Object.values(kindDefinitions));
  const hub = createHub();
  const live = createLiveSteps(hub);
  const runners = createRunners({ clock: systemClock, quietAfterMs: 1_000 });
  const executions = createExecutions({ store: counting, kinds, clock: systemClock, hub, redaction: noSecrets() });
  const draining = new AbortController().signal;
  const steps = createSteps({ executions, live, hub, runners, draining } as Parameters<typeof createSteps>[0]);
  const make = async (stepKey: string) => {
    const requestDigest = digestOf(stepKey);
    const digest = Buffer.from(requestDigest).toString("hex");
    const claim = await steps.claim(
      { ...REF, epoch: 1, stepKey, digest },
      {
        judge: () => ({
          kind: "perform",
          intent: { case: "toolCallStarted", value: create(ToolCallStartedSchema, { requestDigest }) },
        }),
        perform: async () => ({
          case: "toolCallFinished",
          value: create(ToolCallFinishedSchema, { requestDigest, result: { content: stepKey } }),
        }),
      },
    );
    if (claim.kind === "live") await claim.step.outcome;
    return claim;
  };
  return { executions, make, read: () => entries };
}

async function begin(): Promise<void> {
  const { executions } = engineOver(store);
  const { agentExecutionKind: kind } = executions;
  const metadata = { id: REF.id, name: "long", org: REF.org };
  const record = create(AgentExecutionSchema, { apiVersion: kind.apiVersion, kind: "AgentExecution", metadata });
  const events: NewEvent[] = [
    { event: { case: "created", value: create(ExecutionCreatedSchema, { spec: {} }) } },
    { event: { case: "phaseChanged", value: { phase: Phase.RUNNING } } },
  ];
  const task = { tenant: REF.org, queue: "agent", id: REF.id, epoch: 1, holder: "r", bytes: new Uint8Array() };
  await store.commit(
    mergeBatches(executions.firstEntries(REF, { events }).batch, {
      puts: [toRow(kind, REF.org, record as Resource)],
      tasks: [{ ...task, dueAt: systemClock.now() + 3_600_000 }],
    }),
  );
}

function stepEvents(at: number): NewEvent[] {
  const stepKey = `step/${at}`;
  const requestDigest = digestOf(stepKey);
  const result = { callId: `c${at}`, content: `result ${at}` };
  return [
    { stepKey, attempt: 1, epoch: 1n, event: { case: "toolCallStarted", value: { requestDigest } } },
    { stepKey, attempt: 1, epoch: 1n, event: { case: "toolCallFinished", value: { requestDigest, result } } },
  ];
}

function digestOf(stepKey: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(stepKey).digest());
}
