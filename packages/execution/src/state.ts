import { create } from "@bufbuild/protobuf";
import {
  type AgentExecutionStatus,
  AgentExecutionStatusSchema,
  type ApprovalDecision,
  type ApprovalSpec,
  type ExecutionCreated,
  type ModelCallFinished,
  type OwnStepFinished,
  ExecutionPhase as Phase,
  type ToolDefinition,
  type ToolResult,
  UsageSchema,
} from "@stigmer/contracts/agentic";
import type { KeyFilter } from "./key-filter.ts";

/** What a step came to: a model's, a tool's, or one of the runner's own. A sub-agent's answer and a user's are results of tools. */
export type Outcome =
  | { readonly kind: "model"; readonly finished: ModelCallFinished }
  | { readonly kind: "tool"; readonly result: ToolResult }
  | { readonly kind: "own"; readonly finished: OwnStepFinished };

/** The newest question about a step. */
export type StepApproval = {
  readonly id: string;
  readonly spec: ApprovalSpec;
  /** Attempt that was open when it was asked; 0 where none had begun. */
  readonly attempt: number;
  decision: ApprovalDecision;
  comment: string;
  /** Arguments that a person put in the place of the model's, as JSON; empty where nobody did. */
  arguments: string;
};

/** What a tool server asked a person in the middle of a call. */
export type StepElicitation = {
  /** Id of the approval that it became. */
  readonly id: string;
  /** The server's question. */
  readonly elicitationId: string;
  decision: ApprovalDecision;
  /** What the person filled in, as JSON; empty where nobody did. */
  content: string;
};

/** What the journal says of one step. Begun without an outcome, and nobody working on it: it is uncertain. */
export type StepState = {
  /** Hex of the request's digest; empty until an intent or an outcome was recorded. */
  digest: string;
  /** Tries that have begun. */
  attempt: number;
  /** Runner that the newest try was handed to; empty for a model call. */
  runner: string;
  /** Execution of the sub-agent that works on it; empty where none does. */
  child: string;
  /** Id of the model's call that it answers; empty for a model call. */
  callId: string;
  /** Name of the tool that the newest try calls, as the model calls it; empty where it calls none. */
  tool: string;
  /** Whether it is one of the runner's own. */
  own: boolean;
  /** Whether somebody lets it be made again although its outcome was lost. */
  repeat: boolean;
  outcome: Outcome | undefined;
  approval: StepApproval | undefined;
  /** What its server asked in the newest try, the oldest first. */
  elicitations: readonly StepElicitation[];
};

/** Calls that a person has approved beforehand. An empty tool stands for all of the server's. */
export type Grant = { readonly server: string; readonly tool: string; readonly definition: string };

/** A conversation by the hashes of its messages. */
export type BoundHistory = {
  readonly hashes: readonly Uint8Array[];
  /** Tokens of the model call that was last made with it; 0 where that is not known. */
  readonly tokens: number;
  /** Tokens that the execution's model takes, as far as it was known then; 0 where it was not. */
  readonly contextWindow: number;
};

/**
 * What the journal says of an execution. Its size does not grow with the journal: of the steps that have an outcome it
 * holds the newest, and the journal's marks find the others.
 */
export type ExecutionState = {
  readonly id: string;
  sequence: number;
  created: ExecutionCreated | undefined;
  status: AgentExecutionStatus;
  tools: readonly ToolDefinition[] | undefined;
  /** Steps without an outcome, and the newest of those with one, oldest first. */
  readonly steps: Map<string, StepState>;
  /** Keys of steps with an outcome that are no longer among these; undefined while there are none. */
  forgotten: KeyFilter | undefined;
  /** Message hashes of the newest model call that goes on with the conversation, its step, and its answer: together the conversation so far. */
  conversation: { step: string; hashes: readonly Uint8Array[]; finished: ModelCallFinished | undefined };
  /** The conversation before the first message, once it is bound. */
  history: BoundHistory | undefined;
  grants: readonly Grant[];
  /** Whether a runner has begun a step of its own. */
  hasOwnSteps: boolean;
  /** Executions of sub-agents whose end the journal does not tell, those included that ended together with it. */
  children: readonly string[];
  /** How long it was RUNNING before the phase last changed, in milliseconds. */
  workedMs: number;
  /** Highest epoch of a lease that an entry names. */
  epoch: number;
  /** Name of the runner that was last granted a lease; empty before the first. */
  runner: string;
  /** Model steps whose outcome is a failure, the newest last; a retry makes them anew. */
  failed: readonly string[];
  /** Who asked for the end, where somebody cancels it and calls still run. */
  cancelling: { readonly by: string; readonly comment: string } | undefined;
  /** Messages under leases that were over. */
  lateMessages: number;
  /** When the phase last changed, in milliseconds since the Unix epoch. */
  phaseSince: number;
  /** When the stored record was last brought up to date for the sake of what was used, in the same milliseconds. */
  recordedAt: number;
};

const FINAL: ReadonlySet<Phase> = new Set([Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TERMINATED]);

/** Whether nothing happens in this phase any more; only a retry leaves FAILED. */
export function isFinal(phase: Phase): boolean {
  return FINAL.has(phase);
}

/** An execution of which nothing is known yet. */
export function emptyState(id: string): ExecutionState {
  return {
    id,
    sequence: 0,
    created: undefined,
    status: create(AgentExecutionStatusSchema, { usage: create(UsageSchema) }),
    tools: undefined,
    steps: new Map(),
    forgotten: undefined,
    conversation: { step: "", hashes: [], finished: undefined },
    history: undefined,
    grants: [],
    hasOwnSteps: false,
    children: [],
    workedMs: 0,
    epoch: 0,
    runner: "",
    failed: [],
    cancelling: undefined,
    lateMessages: 0,
    phaseSince: 0,
    recordedAt: 0,
  };
}

/**
 * The phase of an execution that nobody drives, by what it waits for: a person's decision, a person's answer, a
 * sub-agent, or else a runner.
 */
export function waitingPhase({ approvalIds, question, subExecutionId }: AgentExecutionStatus): Phase {
  if (approvalIds.length > 0) return Phase.WAITING_FOR_APPROVAL;
  if (question) return Phase.WAITING_FOR_INPUT;
  return subExecutionId ? Phase.RUNNING : Phase.PENDING;
}
