import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { silentLog, systemClock } from "@stigmer/base";
import {
  AgentExecutionSchema,
  ExecutionCreatedSchema,
  HelloSchema,
  ExecutionPhase as Phase,
  RunnerRole,
} from "@stigmer/contracts/agentic";
import {
  createExecutions,
  createHub,
  createLeases,
  createRunners,
  mergeBatches,
  type NewEvent,
} from "@stigmer/execution";
import * as kindDefinitions from "@stigmer/kinds";
import { createKinds, type Resource, toRow } from "@stigmer/resource";
import type { Store, Task } from "@stigmer/store";
import { openLevelStore } from "@stigmer/store-leveldb";
import { afterEach, beforeEach, expect, it } from "vitest";
import { noSecrets } from "./no-secrets.fake.ts";

const REF = { org: "local", id: "aex_1" };
const TASK: Task = {
  ...{ tenant: REF.org, queue: "agent", id: REF.id, epoch: 0, holder: "", dueAt: 1, bytes: new Uint8Array() },
};

let dir: string;
let store: Store;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "stigmer-handing-out-"));
  store = await openLevelStore({ dir, clock: systemClock, log: silentLog });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

it.each([
  ["is paused", Phase.PAUSED, { tasks: [{ ...TASK, dueAt: undefined }] }],
  ["is cancelled", Phase.CANCELLED, { taskDeletes: [TASK] }],
] as const)("is not handed out where it %s after it was found to wait", async (_, phase, batch) => {
  const lookedAgain = Promise.withResolvers<void>();
  let isFound = false;
  const slow: Store = {
    ...store,
    queues(from) {
      if (isFound) lookedAgain.resolve(); // what the first look found has been dealt with
      return store.queues(from);
    },
    async due(queue, range) {
      const found = await store.due(queue, range);
      if (found.length > 0 && !isFound) {
        isFound = true;
        await meanwhile();
      }
      return found;
    },
  };
  const { executions, leases, runners } = engineOver(slow);
  await begin(executions);
  const meanwhile = () =>
    executions.record(REF, (state) =>
      state.status.phase === phase
        ? { events: [], answer: undefined }
        : { events: [{ event: { case: "phaseChanged", value: { phase } } }], batch, answer: undefined },
    );

  await leases.start();
  const hello = create(HelloSchema, { name: "r", instance: "i", roles: [RunnerRole.AGENT], slots: 1 });
  runners.connect(hello, { org: REF.org, kept: [], welcome: { case: "welcome", value: {} } });
  await lookedAgain.promise;
  leases.stop();

  const state = await executions.load(REF);
  expect(state.status.phase).toBe(phase);
  expect(state.epoch).toBe(0);
});

function engineOver(over: Store) {
  const clock = systemClock;
  const kinds = createKinds(Object.values(kindDefinitions));
  const executions = createExecutions({ store: over, kinds, clock, hub: createHub(), redaction: noSecrets() });
  const runners = createRunners({ clock, quietAfterMs: 15_000 });
  const leases = createLeases({
    ...{ store: over, executions, runners, clock, log: silentLog, durationMs: 15_000 },
    variablesOf: async () => ({ values: {}, secretNames: [] }),
    fail: async () => {},
  });
  return { executions, leases, runners };
}

async function begin(executions: ReturnType<typeof engineOver>["executions"]): Promise<void> {
  const { agentExecutionKind: kind } = executions;
  const metadata = { id: REF.id, name: "one", org: REF.org };
  const record = create(AgentExecutionSchema, { apiVersion: kind.apiVersion, kind: "AgentExecution", metadata });
  const events: NewEvent[] = [
    { event: { case: "created", value: create(ExecutionCreatedSchema, { spec: {} }) } },
    { event: { case: "phaseChanged", value: { phase: Phase.PENDING } } },
  ];
  const puts = [toRow(kind, REF.org, record as Resource)];
  await store.commit(mergeBatches(executions.firstEntries(REF, { events }).batch, { puts, tasks: [TASK] }));
}
