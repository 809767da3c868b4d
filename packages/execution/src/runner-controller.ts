import { type Fault, invalid, isFault, type Log, precondition } from "@stigmer/base";
import {
  type AttemptFinished,
  type Hello,
  type Lease,
  ExecutionPhase as Phase,
  RunnerCommandController,
  RunnerController,
  type RunnerMessage,
  type ServerLogged,
  type ServerMessage,
  type ToolCallEnded,
  type ToolsChanged,
} from "@stigmer/contracts/agentic";
import { bidiStream, type Call, type Handler, type Pipeline, unary } from "@stigmer/resource";
import { hasParkedCall, takeElicitation } from "./elicitations.ts";
import { type EndingDeps, planEnd } from "./ending.ts";
import type { Executions } from "./executions.ts";
import type { Leases } from "./leases.ts";
import type { LiveSteps } from "./live-steps.ts";
import { takeBegan, takeEnded } from "./own-steps.ts";
import { type ProgressFeed, takeProgress } from "./progress.ts";
import { instanceBefore, noteDraining, noteRunner, planDrain, type RunnerRecordDeps } from "./runner-record.ts";
import { runnerSaid } from "./runner-said.ts";
import { type Connection, callKey, freeSlot, sendTo } from "./runners.ts";
import { isFinal } from "./state.ts";
import { createWindow } from "./window.ts";

export type RunnerControllerDeps = Omit<EndingDeps, "leases"> &
  RunnerRecordDeps & {
    readonly pipeline: Pipeline;
    readonly executions: Executions;
    readonly leases: Leases;
    readonly live: LiveSteps;
    readonly log: Log;
    readonly progress: ProgressFeed;
    readonly toolServers: ToolServers;
    readonly leaseDurationMs: number;
  };

/** What tool servers say beside their answers. */
export type ToolServers = {
  readonly logged: (org: string, line: ServerLogged) => void;
  readonly changed: (org: string, tools: ToolsChanged) => Promise<void>;
};

export function runnerHandlers(deps: RunnerControllerDeps): readonly Handler[] {
  return [
    bidiStream(RunnerController.method.connect, (messages, call) => connect(deps, messages, call)),
    unary(RunnerCommandController.method.drain, (request, call) =>
      deps.pipeline.command(request, call, () => planDrain(deps, request.id, call)),
    ),
  ];
}

/** From hello to drain. The runner's leases outlive the line: they end by their deadline, or when its process is seen to end. */
async function* connect(
  deps: RunnerControllerDeps,
  messages: AsyncIterable<RunnerMessage>,
  call: Call,
): AsyncIterable<ServerMessage> {
  const source = messages[Symbol.asyncIterator]();
  const first = await source.next();
  const hello = !first.done && first.value.message.case === "hello" ? first.value.message.value : undefined;
  if (!hello) throw invalid([{ field: "hello", description: "must be the first message" }]);
  const connection = await welcome(deps, hello, call.org);
  const note = (): Promise<void> =>
    noteRunner(deps, hello, call.org).catch((err) => deps.log.warn({ err }, "runner not noted"));
  deps.log.info({ runner: hello.name, instance: hello.instance, build: hello.build }, "runner connected");
  const close = (): void => connection.outbox.close();
  call.signal.addEventListener("abort", close, { once: true });
  if (call.signal.aborted) close();
  const line: { refused?: unknown } = {};
  void listen(deps, connection, source)
    .catch((fault) => Object.assign(line, { refused: fault }))
    .finally(close);
  try {
    await note();
    yield* connection.outbox;
    if (line.refused) throw line.refused;
    if (connection.isReplaced) throw replaced(connection);
  } finally {
    call.signal.removeEventListener("abort", close);
    deps.runners.disconnect(connection);
    deps.log.info({ runner: hello.name, instance: hello.instance }, "runner disconnected");
    await note();
  }
}

/** Of two processes under one name the older would take its work back, again and again, if it did not hear of it. */
function replaced({ name }: Connection): Fault {
  const message = `another process has connected as runner "${name}"`;
  return precondition("RUNNER_REPLACED", { runner: name }, { message });
}

async function welcome(deps: RunnerControllerDeps, hello: Hello, org: string): Promise<Connection> {
  const holder = { org, instance: hello.instance };
  const kept = await deps.leases.keep(holder, hello.running);
  await deps.leases.endOthers(holder, hello.running);
  const before = await instanceBefore(deps, hello.name, org);
  const older = deps.runners.named(org, hello.name);
  if (older) older.isReplaced = older.instance !== hello.instance;
  if (before && before !== hello.instance) {
    deps.runners.exited(before);
    await deps.leases.exited(before);
  }
  const leaseDurationMs = BigInt(deps.leaseDurationMs);
  const value = { heartbeatIntervalMs: leaseDurationMs / 3n, leaseDurationMs, kept };
  return deps.runners.connect(hello, { org, kept, welcome: { case: "welcome", value: value } });
}

/** Takes messages until the line ends. Throws the fault of a message that a runner may not send; it ends the line. */
async function listen(
  deps: RunnerControllerDeps,
  connection: Connection,
  source: AsyncIterator<RunnerMessage>,
): Promise<void> {
  const steps = createWindow(MOST_STEPS, (err) =>
    deps.log.error({ err, runner: connection.name }, "step was not taken"),
  );
  try {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      const { message } = await runnerSaid(deps.executions, connection, next.value);
      if (message.case === undefined || message.case === "hello")
        throw invalid([{ field: message.case ?? "message", description: "is not expected here" }]);
      deps.runners.heard(connection);
      if (message.case === "stepBegan" || message.case === "stepEnded") {
        await steps.take(() => takeStep(deps, connection, message));
        continue;
      }
      await take(deps, connection, message).catch((err) =>
        deps.log.error({ err, runner: connection.name }, "runner message failed"),
      );
    }
  } catch (err) {
    if (isFault(err)) throw err;
    deps.log.debug({ err, runner: connection.name }, "runner line broke");
  }
}

type Step = Extract<RunnerMessage["message"], { case: "stepBegan" | "stepEnded" }>;
type Later = Exclude<RunnerMessage["message"], Step | { case: "hello" | undefined }>;

/** Steps of one runner that are recorded at once, so that they share writes; those of one execution keep their order. */
const MOST_STEPS = 1_024;

async function takeStep(deps: RunnerControllerDeps, connection: Connection, message: Step): Promise<void> {
  if (message.case === "stepBegan") await takeBegan(deps, connection, message.value);
  else await takeEnded(deps, connection, message.value);
}

async function take(deps: RunnerControllerDeps, connection: Connection, message: Later): Promise<void> {
  switch (message.case) {
    case "heartbeat": {
      const kept = new Set(await deps.leases.keep(connection, message.value.running));
      for (const lease of message.value.running) {
        if (!kept.has(lease)) sendTo(connection, { case: "revoke", value: { lease } });
      }
      return;
    }
    case "attemptFinished":
      return await endAttempt(deps, connection, message.value);
    case "serverStarted":
      deps.runners.starts.resolve(message.value.requestId, connection.instance, message.value);
      return;
    case "toolCallEnded":
      return await takeCallEnd(deps, connection, message.value);
    case "elicitationAsked":
      return await takeElicitation(deps, connection, message.value);
    case "toolProgress":
      return takeProgress(deps, connection, message.value);
    case "serverLogged":
      return deps.toolServers.logged(connection.org, message.value);
    case "toolsChanged":
      return await deps.toolServers.changed(connection.org, message.value);
    case "declined":
      return await takeDeclined(deps, connection, message.value.lease);
    case "draining":
      connection.draining = true;
      return await noteDraining(deps, connection);
  }
}

async function takeDeclined(
  deps: RunnerControllerDeps,
  connection: Connection,
  lease: Lease | undefined,
): Promise<void> {
  if (!lease) return;
  await deps.leases.decline(connection, lease);
  freeSlot(connection, { id: lease.executionId, epoch: Number(lease.epoch) });
}

async function endAttempt(
  deps: RunnerControllerDeps,
  connection: Connection,
  { lease, outcome }: AttemptFinished,
): Promise<void> {
  if (!lease) return;
  if (outcome.case !== "parked") await recordEnd(deps, connection, { lease, outcome });
  freeSlot(connection, { id: lease.executionId, epoch: Number(lease.epoch) });
  sendTo(connection, { case: "acknowledged", value: { message: { case: "attempt", value: lease } } });
  await stopServers(deps, connection, lease);
  deps.leases.wake();
}

/** Unless another attempt has begun meanwhile, which has the servers now, or a call goes on whose server asks a person. */
async function stopServers(deps: RunnerControllerDeps, { org }: Connection, lease: Ended["lease"]): Promise<void> {
  const ref = { org, id: lease.executionId };
  const task = await deps.executions.task(ref);
  if (task?.holder && task.epoch !== Number(lease.epoch)) return;
  const state = await deps.executions.load(ref);
  if (!hasParkedCall(deps.runners, state)) deps.runners.stopServers(org, state.status.sessionId);
}

type Ended = { readonly lease: NonNullable<AttemptFinished["lease"]>; readonly outcome: AttemptFinished["outcome"] };

/** An attempt whose lease is over is evidence only: whoever has the lease now decides how the execution ends. */
async function recordEnd(deps: RunnerControllerDeps, connection: Connection, { lease, outcome }: Ended): Promise<void> {
  const ref = { org: connection.org, id: lease.executionId };
  const epoch = Number(lease.epoch);
  const ending =
    outcome.case === "output"
      ? { phase: Phase.SUCCEEDED, output: outcome.value }
      : { phase: Phase.FAILED, ...(outcome.case === "error" && { error: outcome.value }) };
  try {
    await deps.executions.record(ref, async (state) => {
      if (isFinal(state.status.phase)) return { events: [], answer: undefined };
      const task = await deps.executions.requireLease(ref, { epoch, holder: connection.instance });
      const end = await planEnd(deps, ref, state, { ...ending, epoch: lease.epoch });
      const held = { task, epoch, holder: connection.instance };
      return { ...end, preconditions: [held, ...end.preconditions], answer: undefined };
    });
  } catch (error) {
    if (isFault(error, "RESOURCE_NOT_FOUND")) return;
    if (!isFault(error, "LEASE_FENCED")) throw error;
    deps.log.warn({ execution: ref.id, epoch, runner: connection.name }, "late end of an attempt was fenced");
    await keepEvidence(deps, connection, { lease, outcome });
  }
}

/** Late messages of one execution that are kept. */
const MOST_LATE = 16;

async function keepEvidence(deps: RunnerControllerDeps, connection: Connection, ended: Ended): Promise<void> {
  const { lease, outcome } = ended;
  const message = `the attempt ended: ${outcome.case ?? "nothing said"}`;
  await deps.executions.record({ org: connection.org, id: lease.executionId }, (state) => {
    const isKept = !isFinal(state.status.phase) && state.lateMessages < MOST_LATE && Number(lease.epoch) <= state.epoch;
    const value = { runner: connection.name, message };
    return { events: isKept ? [{ epoch: lease.epoch, event: { case: "lateMessage", value } }] : [], answer: undefined };
  });
}

/** The end of a call goes to whoever waits for it. One that is recorded already, or can't be any more, is acknowledged at once. */
async function takeCallEnd(deps: RunnerControllerDeps, connection: Connection, ended: ToolCallEnded): Promise<void> {
  const { call } = ended;
  if (!call) return;
  const owed = deps.runners.calls.resolve(callKey(call), connection.instance, ended);
  if (deps.live.get(call.executionId, call.stepKey)) return;
  const over = await isOver(deps, { org: connection.org, id: call.executionId }, call);
  if (owed && !over) return; // the step will be asked for again, and finds the answer
  if (owed) deps.runners.calls.forget(callKey(call));
  sendTo(connection, { case: "acknowledged", value: { message: { case: "call", value: call } } });
}

async function isOver(
  deps: RunnerControllerDeps,
  ref: { org: string; id: string },
  call: { stepKey: string; attempt: number },
): Promise<boolean> {
  try {
    const state = await deps.executions.load(ref);
    const step = await deps.executions.step(ref, state, call.stepKey);
    return isFinal(state.status.phase) || step?.outcome !== undefined || step?.attempt !== call.attempt;
  } catch (error) {
    if (isFault(error, "RESOURCE_NOT_FOUND")) return true;
    throw error;
  }
}
