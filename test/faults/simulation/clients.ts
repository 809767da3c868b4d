import { type Client, clientOver, isFault } from "@stigmer/client";
import {
  AgentCommandController,
  type AgentExecution,
  AgentExecutionQueryController,
  AgentExecutionSchema,
  type Approval,
  ApprovalDecision,
  ApprovalQueryController,
  ExecutionQueryController,
  McpServerCommandController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { AGENT, COMMANDS, decision, type Knowledge, type Prepared, WAYS_ON } from "./commands.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import type { Trace } from "./trace.ts";
import { transportOver } from "./transport.ts";
import type { SimProcess } from "./virtual-time.ts";

/** The people of the world: they start executions, follow them and decide, and try again what was not answered. */
export interface Clients {
  /** Makes the agent and its tools, and resolves when they are there. */
  prepare(): Promise<void>;
  /** Begins to act; stops beginning anything new at `untilMs`, but for deciding. */
  act(untilMs: number): void;
  /** Executions that somebody was told are there. */
  readonly executions: readonly { readonly id: string; readonly sessionId: string }[];
  /** Commands that were answered, and how. */
  readonly answered: readonly Answered[];
}

export type Answered = { readonly command: string; readonly answer: unknown };

export type ClientsDeps = {
  readonly network: Network;
  readonly random: Random;
  readonly trace: Trace;
  readonly seen: (execution: string, sequence: bigint, event: Uint8Array) => void;
  readonly breaks: (what: string) => void;
};

const TRIES = 40;
const HELPER = "helper";

export function createClients(deps: ClientsDeps): Clients {
  const { network, random, trace } = deps;
  const { time } = network;
  const process = time.spawn("people");
  const client = clientOver(transportOver({ network, client: process }), { url: "sim" });
  const executions: { readonly id: string; readonly sessionId: string }[] = [];
  const answered: Answered[] = [];
  let approvals: readonly string[] = [];
  let texts = 0;
  const knowledge = (): Knowledge => ({ random, executions, approvals, unique: () => `do ${++texts}` });

  function note(command: string, answer: unknown): void {
    answered.push({ command, answer });
    const { executions: batch = [] } = answer as { readonly executions?: readonly AgentExecution[] };
    for (const one of [answer as AgentExecution, ...batch]) meet(one);
  }

  function meet({ $typeName, metadata, status }: AgentExecution): void {
    if ($typeName !== AgentExecutionSchema.typeName || !metadata) return;
    if (executions.some(({ id }) => id === metadata.id)) return;
    executions.push({ id: metadata.id, sessionId: status?.sessionId ?? "" });
    void follow(deps, client, metadata.id);
  }

  /** The same call with the same key until it is answered; now and then twice at once. */
  async function insist(name: string, call: Prepared): Promise<void> {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const once = async (): Promise<void> => {
      for (let count = 0; count < TRIES; count++) {
        try {
          const answer = await call(client, { headers });
          trace.note(`${name} is answered`);
          return note(name, answer);
        } catch (error) {
          if (!isWorthAnotherTry(error)) return trace.note(`${name} is refused: ${reasonOf(error)}`);
        }
        await wait(random.between(20, 1_500));
      }
    };
    await Promise.all(random.chance(0.15) ? [once(), once()] : [once()]);
  }

  async function look(): Promise<void> {
    const { items } = await client.service(ApprovalQueryController).list({ pageSize: 1_000 });
    approvals = items.filter(isOpen).map(({ metadata }) => metadata?.id ?? "");
  }

  /** Resumes what is paused and answers what is asked, sooner or later. */
  async function letGoOn(): Promise<void> {
    const { items } = await client.service(AgentExecutionQueryController).list({ pageSize: 1_000 });
    for (const { metadata, status } of items) {
      const way = WAYS_ON.get(status?.phase ?? Phase.UNSPECIFIED);
      if (way && metadata && random.chance(0.3)) void insist("let go on", way(metadata.id));
    }
  }

  /** Looks at what waits for a decision for ever, and decides some of it. */
  async function decideForEver(): Promise<never> {
    for (;;) {
      await wait(random.between(200, 3_000));
      await look().catch(() => {});
      await letGoOn().catch(() => {});
      for (const id of approvals) {
        if (random.chance(0.5)) void insist("decide", decision(id, random));
        if (random.chance(0.1)) void insist("decide", decision(id, random));
      }
    }
  }

  async function actUntil(untilMs: number): Promise<void> {
    while (time.now() < untilMs) {
      const command = weighted(random);
      const call = command.prepare(knowledge());
      if (call) void insist(command.name, call);
      await wait(random.between(100, 4_000));
    }
  }

  return {
    executions,
    answered,
    prepare: () => inProcess(deps, process, () => makeResources(client)),
    act: (untilMs) =>
      time.as(process, () => {
        void decideForEver();
        void actUntil(untilMs);
      }),
  };
}

function inProcess<T>({ network }: ClientsDeps, process: SimProcess, act: () => Promise<T>): Promise<T> {
  return network.time.as(process, act);
}

async function makeResources(client: Client): Promise<void> {
  const callTimeout = { seconds: 8n };
  const transport = { case: "stdio" as const, value: { command: "unused" } };
  const headers = { "idempotency-key": "prepare" };
  const server = { metadata: { name: "box" }, spec: { transport, callTimeout } };
  await client.service(McpServerCommandController).create(server, { headers });
  const spec = { instructions: "work", mcpServers: [{ name: "box" }] };
  const agents = client.service(AgentCommandController);
  await agents.create({ metadata: { name: HELPER }, spec });
  const more = { ...spec, subAgents: [{ agent: HELPER }], askUser: true };
  await agents.create({ metadata: { name: AGENT }, spec: more });
}

/** Reads a journal from the first entry to the last, going on where the line broke. */
async function follow({ random, seen, breaks }: ClientsDeps, client: Client, executionId: string) {
  let next = 1n;
  for (let tries = 0; tries < TRIES; tries++) {
    const cut = new AbortController();
    const patience = setTimeout(() => cut.abort(new Error("enough")), random.between(500, 60_000));
    try {
      const request = { executionId, fromSequence: next };
      for await (const { message } of client.service(ExecutionQueryController).subscribe(request, cut)) {
        if (message.case !== "entry") continue;
        const { sequence, event } = message.value;
        if (sequence !== next) breaks(`${executionId}: a subscriber got entry ${sequence} in place of ${next}`);
        seen(executionId, sequence, event);
        next = sequence + 1n;
      }
      return;
    } catch {
      await wait(random.between(20, 2_000));
    } finally {
      clearTimeout(patience);
    }
  }
}

function weighted(random: Random) {
  return random.pick(COMMANDS.flatMap((command) => Array.from({ length: command.weight }, () => command)));
}

function isOpen({ status }: Approval): boolean {
  return (status?.decision ?? ApprovalDecision.UNSPECIFIED) === ApprovalDecision.UNSPECIFIED;
}

/** The answer is not known, or the backend says that it can't do it now. */
function isWorthAnotherTry(error: unknown): boolean {
  return !isFault(error) || error.kind === "unavailable" || error.kind === "exhausted" || error.kind === "conflict";
}

function reasonOf(error: unknown): string {
  return isFault(error) ? error.reason : String(error);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
