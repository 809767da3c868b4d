import type { Redactor } from "@stigmer/base/redactor";
import { type Client, uploadBlob } from "@stigmer/client";
import { RunnerRole } from "@stigmer/contracts/agentic";
import type { AgentLoop } from "./agent.ts";
import { runAttempt } from "./attempt.ts";
import { type Attempts, createAttempts } from "./attempts.ts";
import { backoff, pause } from "./backoff.ts";
import { type ConnectionDeps, connectOnce } from "./connection.ts";
import { createElicitations } from "./elicitations.ts";
import { Failure, failureOf } from "./failure.ts";
import { createLife, type Life, type RunnerEnd } from "./life.ts";
import { createLink } from "./link.ts";
import { type Log, silentLog } from "./log.ts";
import { createOwnSteps } from "./own-steps.ts";
import { createToolCalls, type ToolCalls } from "./tool-calls.ts";
import type { ToolHost } from "./tool-host.ts";
import { isRefusal, isReplaced } from "./verdict.ts";

export type RunnerOptions = {
  readonly client: Client;
  /** Name of the runner: the name of its resource. One name is one process: a newer one of that name ends the older. */
  readonly name: string;
  /** Random id of the process, 8 to 64 characters; the same for as long as it lives. */
  readonly instance: string;
  /** Name and version of the program. */
  readonly build?: string;
  /** Drives executions; a runner without one takes none. */
  readonly agent?: AgentLoop;
  /** Executions that are driven at once; 8 unless told. */
  readonly slots?: number;
  /** Labels by which agents select runners, at most 64. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Hosts MCP servers; a runner without one is never asked to. It is closed when the runner ends. */
  readonly tools?: ToolHost;
  readonly log?: Log;
  /** Learns the secrets that the runner is handed, so that whoever writes the log can keep them out of it. */
  readonly redactor?: Redactor;
  /** Aborted, it drains the runner: nothing new is taken, what runs is finished, then the runner ends. */
  readonly signal?: AbortSignal;
  /** How long such a drain waits for what runs before it is dropped; 10 s unless told. */
  readonly drainTimeoutMs?: number;
  /** How long the runner goes on without a connection; 60 s unless told. */
  readonly orphanAfterMs?: number;
};

/**
 * Runs until it is drained or orphaned. A broken connection is made again for as long as that; meanwhile attempts and
 * tool calls go on, and what they ended with is told again until the backend has acknowledged it.
 *
 * Rejects with a `Failure` where the backend refuses the runner itself: its name, its credentials, its version; or where
 * another process has connected under its name. When the promise
 * settles no attempt runs any more and the tool host is closed. The client is left open: it is the caller's.
 */
export async function runRunner(options: RunnerOptions): Promise<RunnerEnd> {
  const log = options.log ?? silentLog;
  const link = createLink();
  const introduction = introduce(options);
  const life = createLife({
    orphanAfterMs: options.orphanAfterMs ?? 60_000,
    isIdle: () => attempts.held().length === 0 && calls.open().length === 0,
    onDrain: () => {
      link.send({ case: "draining", value: {} });
      attempts.drain();
    },
  });
  const changed = life.check;
  const steps = createOwnSteps(link);
  const attempts: Attempts = createAttempts({
    slots: introduction.slots,
    run: (assignment, dropped) =>
      runAttempt(assignment, dropped, { client: options.client, link, log, steps, agent: options.agent ?? refuse }),
    link,
    log,
    changed,
  });
  const elicitations = createElicitations(link);
  const saveBlob = savingBlobs(options.client);
  const calls: ToolCalls = createToolCalls({ host: options.tools, link, elicitations, saveBlob, log, changed });
  const asked = (): void => {
    life.drain();
    life.stopAfter(options.drainTimeoutMs ?? 10_000);
  };
  options.signal?.addEventListener("abort", asked, { once: true });
  if (options.signal?.aborted) asked();
  try {
    const { client } = options;
    await keepConnected(life, {
      client,
      introduction,
      link,
      attempts,
      calls,
      elicitations,
      steps,
      log,
      learn: (secrets) => options.redactor?.add(secrets),
      drain: life.drain,
    });
    log.info({ end: life.end() }, "runner ended");
    return life.end();
  } finally {
    options.signal?.removeEventListener("abort", asked);
    life.dispose();
    attempts.dropAll();
    calls.cancelAll();
    await options.tools?.close();
  }
}

const SAVE_TIMEOUT_MS = 60_000;
const STEADY_MS = 1_000;

type Parts = Omit<ConnectionDeps, "welcomed" | "done" | "stop" | "isDraining">;

async function keepConnected(life: Life, parts: Parts): Promise<void> {
  const { isDraining, done, stop } = life;
  for (let tries = 0; !done.aborted; tries++) {
    const since = performance.now();
    let isWelcome = false;
    const welcomed = (): void => {
      isWelcome = true;
      life.connected();
    };
    try {
      await connectOnce({ ...parts, welcomed, isDraining, done, stop });
    } catch (error) {
      if (isReplaced(error) || (!isWelcome && isRefusal(error))) throw failureOf(error);
      if (!done.aborted) parts.log.warn({ err: error, tries }, "not connected");
    }
    life.disconnected();
    // Only a connection that lasted makes the next one quick again.
    if (performance.now() - since > STEADY_MS) tries = 0;
    await pause(backoff(tries, Math.random()), done);
  }
}

function savingBlobs(client: Client): (content: Uint8Array, stop: AbortSignal) => Promise<string> {
  return async (content, stop) => {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(SAVE_TIMEOUT_MS)]);
    return (await uploadBlob(client, content, { signal })).digest;
  };
}

function introduce({ name, instance, build = "", slots = 8, labels = {}, agent, tools }: RunnerOptions) {
  const roles = [...(agent ? [RunnerRole.AGENT] : []), ...(tools ? [RunnerRole.TOOLS] : [])];
  return { name, instance, build, roles, slots: agent ? slots : 0, labels };
}

const refuse: AgentLoop = () => Promise.reject(new Failure("INTERNAL", "this runner drives no agents"));
