import type { CallOptions } from "@connectrpc/connect";
import type { Client } from "@stigmer/client";
import {
  AgentExecutionCommandController,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalScope,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import type { Random } from "./random.ts";

/** What clients know when they choose what to do next. */
export type Knowledge = {
  readonly random: Random;
  /** Executions that they were told of, and the sessions of these. */
  readonly executions: readonly { readonly id: string; readonly sessionId: string }[];
  /** Approvals that they saw undecided. */
  readonly approvals: readonly string[];
  /** A text that no other request has. */
  readonly unique: () => string;
};

/** A call, ready to be made; made again with the same options it is the same call. */
export type Prepared = (client: Client, options: CallOptions) => Promise<unknown>;

export type Command = {
  readonly name: string;
  /** How often it is chosen, beside the others. */
  readonly weight: number;
  /** What is called; undefined where there is nothing yet to call it on. */
  readonly prepare: (knowledge: Knowledge) => Prepared | undefined;
};

/** A new command of the contract is another line here. */
export const COMMANDS: readonly Command[] = [
  { name: "create", weight: 5, prepare: create },
  { name: "create in session", weight: 3, prepare: createInSession },
  { name: "decide", weight: 8, prepare: decide },
  { name: "create batch", weight: 1, prepare: createBatch },
  onExecution("cancel", 1, (client, id, options) => commands(client).cancel({ id, comment: "enough" }, options)),
  onExecution("terminate", 1, (client, id, options) => commands(client).terminate({ id, comment: "now" }, options)),
  onExecution("pause", 3, (client, id, options) => commands(client).pause({ id, comment: "later" }, options)),
  onExecution("resume", 2, (client, id, options) => commands(client).resume({ id, comment: "on" }, options)),
  onExecution("retry", 2, (client, id, options) => commands(client).retry({ id, comment: "again" }, options)),
  onExecution("fork", 2, (client, id, options) => commands(client).fork({ id }, options), { makes: true }),
  onExecution("answer", 1, (client, id, options) => commands(client).provideInput({ id, text: "yes" }, options)),
];

/** What lets an execution go on that waits for a person in this phase, other than by an approval. */
export const WAYS_ON: ReadonlyMap<Phase, (id: string) => Prepared> = new Map([
  [Phase.PAUSED, (id) => (client, options) => commands(client).resume({ id, comment: "on" }, options)],
  [Phase.WAITING_FOR_INPUT, (id) => (client, options) => commands(client).provideInput({ id, text: "yes" }, options)],
]);

type Commands = ReturnType<typeof commands>;

function commands(client: Client) {
  return client.service(AgentExecutionCommandController);
}

function onExecution(
  name: string,
  weight: number,
  call: (client: Client, id: string, options: CallOptions) => ReturnType<Commands["cancel"]>,
  { makes = false } = {},
): Command {
  const prepare = ({ executions, random }: Knowledge): Prepared | undefined => {
    if (executions.length === 0 || (makes && executions.length >= MOST_EXECUTIONS)) return undefined;
    const { id } = random.pick(executions);
    return (client, options) => call(client, id, options);
  };
  return { name, weight, prepare };
}

function create({ unique, executions }: Knowledge): Prepared | undefined {
  if (executions.length >= MOST_EXECUTIONS) return undefined;
  const spec = { agent: AGENT, message: unique() };
  return (client, options) => commands(client).create({ metadata: {}, spec }, options);
}

function createInSession({ unique, executions, random }: Knowledge): Prepared | undefined {
  if (executions.length === 0 || executions.length >= MOST_EXECUTIONS) return undefined;
  const spec = { sessionId: random.pick(executions).sessionId, message: unique() };
  return (client, options) => commands(client).create({ metadata: {}, spec }, options);
}

function createBatch({ unique, executions }: Knowledge): Prepared | undefined {
  if (executions.length + 2 > MOST_EXECUTIONS) return undefined;
  const batch = [unique(), unique()].map((message) => ({ metadata: {}, spec: { agent: AGENT, message } }));
  return (client, options) => commands(client).createBatch({ executions: batch }, options);
}

function decide({ approvals, random }: Knowledge): Prepared | undefined {
  if (approvals.length === 0) return undefined;
  return decision(random.pick(approvals), random);
}

/** Answers one approval: yes, more often than no. */
export function decision(id: string, random: Random): Prepared {
  const answer = random.pick(ANSWERS);
  const scope = answer === ApprovalDecision.APPROVED ? random.pick(SCOPES) : ApprovalScope.UNSPECIFIED;
  const request = { id, decision: answer, comment: "", scope };
  return (client, options) => client.service(ApprovalCommandController).decide(request, options);
}

const { APPROVED, REJECTED, SKIPPED } = ApprovalDecision;
const ANSWERS = [APPROVED, APPROVED, APPROVED, APPROVED, REJECTED, SKIPPED];
const SCOPES = [ApprovalScope.ONCE, ApprovalScope.ONCE, ApprovalScope.TOOL, ApprovalScope.SERVER];

export const AGENT = "worker";
const MOST_EXECUTIONS = 6;
