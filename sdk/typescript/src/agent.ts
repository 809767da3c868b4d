import type {
  AgentSpec,
  Attachment,
  FinishReason,
  Message,
  SkillSummary,
  ToolCall,
  ToolDefinition,
  ToolResult,
  Usage,
} from "@stigmer/contracts/agentic";
import type { ToolSpec } from "@stigmer/contracts/gateway";

import type { RunStep } from "./own-steps.ts";

/**
 * Drives one execution and returns the final answer. Called once per attempt, from the beginning each time: steps that
 * have an outcome give it back at once, so the same loop with the same step keys goes on where the last attempt ended.
 * It must therefore decide from its context and the outcomes of its steps alone, not from clocks or random numbers.
 *
 * What it throws ends the execution, with the reason of a `Failure` or a fault, else with INTERNAL. What the context's
 * calls throw needs no handling: let it through.
 */
export type AgentLoop = (context: AgentContext) => Promise<string>;

/** What a loop knows and may do. Everything it does goes through the backend, which limits, asks and records. */
export interface AgentContext {
  readonly executionId: string;
  /** Epoch of the lease under which the attempt runs. */
  readonly epoch: bigint;
  /** The agent, as it was when the execution was made. */
  readonly agent: AgentSpec;
  /** The session's conversation before this execution. */
  readonly history: readonly Message[];
  /** What the user says. */
  readonly message: string;
  /** Images and files that the user sent along with the message. */
  readonly attachments: readonly Attachment[];
  /** Skills that the agent may read. */
  readonly skills: readonly SkillSummary[];
  /** Whether the execution begins in plan mode: until a plan is approved, only what is known to read is called. */
  readonly planFirst: boolean;
  /** Values of the variables that the agent declares, secrets included: not to be logged. Where they stand in what is recorded, they are masked. */
  readonly variables: Readonly<Record<string, string>>;
  /** Most turns that call tools; 0 where there is no limit. */
  readonly maxToolRounds: number;
  /**
   * Tokens that the execution's model takes, request and answer together; 0 where that is not known. A fork may go on with another
   * model: what a loop does after a model call, it decides by the answer's.
   */
  readonly contextWindow: number;
  /** Tokens of the history, as the model call that was last made with it used them; 0 where that is not known. */
  readonly historyTokens: number;
  /**
   * Aborted when the attempt is over, whatever the loop does: the execution waits, or the lease is lost. Then the reason is a
   * `Failure` that says why: EXECUTION_CANCELLED, EXECUTION_PHASE where it is paused, else LEASE_FENCED. While a loop goes on
   * after that, this runner does not drive its execution again.
   */
  readonly signal: AbortSignal;
  /** The tools that the execution may use, the same on every attempt. */
  listTools(): Promise<readonly ToolDefinition[]>;
  /** Calls the execution's model, once per step key whatever breaks. Throws where the model could not answer. */
  generate(stepKey: string, request: ModelRequest): Promise<ModelAnswer>;
  /**
   * Calls a tool, once per step key whatever breaks. A tool that reports an error of its own answers with `isError`.
   * Where a person is asked first, or a sub-agent works, the call does not return: the attempt ends here, and a later one
   * runs the loop again.
   */
  callTool(stepKey: string, call: ToolCall, options?: CallToolOptions): Promise<ToolResult>;
  /**
   * Makes a step of the loop's own, and answers with what it came to, up to 1 MiB as JSON: recorded once per step key, thrown
   * failures included. One that is `repeatable` is made again where its outcome was lost; any other then fails with
   * STEP_UNCERTAIN, until somebody retries the execution.
   */
  run: RunStep;
  /** Stores a content, and answers with its digest, `sha256:<hex>`; the same bytes may be stored again. */
  saveBlob(content: Uint8Array): Promise<string>;
  /** The content of a blob, up to 64 MiB. */
  readBlob(digest: string): Promise<Uint8Array>;
}

export type CallToolOptions = {
  /** Calls that come after this one whatever it answers, in order: where this one needs a person, they are asked about together. */
  readonly planned?: readonly PlannedStep[];
};

/** A tool call and the step that it is. */
export type PlannedStep = { readonly stepKey: string; readonly call: ToolCall };

export type ModelRequest = {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
  /** JSON schema that the answer's text must fit, as JSON; absent means any text. Whether it fits is for the loop to check. */
  readonly outputSchema?: string;
  /** Says that the answer replaces the older part of the conversation; recorded together with it. */
  readonly compaction?: CompactionNote;
  /** Called with all the text so far whenever there is more, and with less where the call starts over. */
  readonly onText?: (textSoFar: string) => void;
};

/** What an answer that is a summary replaces. */
export type CompactionNote = {
  readonly replacedMessages: number;
  readonly keptMessages: number;
  /** Tokens of the request before, as the provider counted them; 0 where that is not known. */
  readonly tokensBefore: bigint;
};

export type ModelAnswer = {
  readonly message: Message;
  readonly finishReason: FinishReason;
  /** Model that answered, in the provider's words. */
  readonly servedModel: string;
  readonly usage: Usage | undefined;
  /** Tokens that the model takes, request and answer together; 0 where that was not known. */
  readonly contextWindow: number;
};
