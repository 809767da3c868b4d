import { deserialize, serialize } from "node:v8";
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  AgentExecutionStatusSchema,
  ApprovalSpecSchema,
  ExecutionCreatedSchema,
  ModelCallFinishedSchema,
  OwnStepFinishedSchema,
  ToolResultSchema,
  ToolsListedSchema,
} from "@stigmer/contracts/agentic";
import type { ExecutionState, Outcome, StepApproval, StepState } from "./state.ts";

/** Rises with each change of what a fold makes of a journal: an older snapshot is then left alone, and the journal read. */
const VERSION = 3;

/** Entries between two snapshots of a journal; so many, and a page, are read where a state is not in memory. */
export const SNAPSHOT_EVERY = 256;

/** A state in bytes. */
export function encodeSnapshot(state: ExecutionState): Uint8Array {
  const { created, status, tools, steps, conversation, ...plain } = state;
  return serialize({
    version: VERSION,
    plain,
    created: created && toBinary(ExecutionCreatedSchema, created),
    status: toBinary(AgentExecutionStatusSchema, status),
    tools: tools && toBinary(ToolsListedSchema, create(ToolsListedSchema, { tools: [...tools] })),
    steps: [...steps].map(([key, step]) => [key, packStep(step)]),
    asked: { step: conversation.step, hashes: conversation.hashes },
    finished: conversation.finished && toBinary(ModelCallFinishedSchema, conversation.finished),
  });
}

/** The state that was encoded; undefined where the bytes are of another version, or of nothing that is known. */
export function decodeSnapshot(bytes: Uint8Array): ExecutionState | undefined {
  try {
    const packed: Packed = deserialize(bytes);
    return packed.version === VERSION ? unpack(packed) : undefined;
  } catch {
    return undefined;
  }
}

type Plain = Omit<ExecutionState, "created" | "status" | "tools" | "steps" | "conversation">;
type PackedOutcome = readonly [Outcome["kind"], Uint8Array];
type PackedStep = Omit<StepState, "outcome" | "approval"> & {
  readonly outcome: PackedOutcome | undefined;
  readonly approval: (Omit<StepApproval, "spec"> & { readonly spec: Uint8Array }) | undefined;
};
type Packed = {
  readonly version: number;
  readonly plain: Plain;
  readonly created: Uint8Array | undefined;
  readonly status: Uint8Array;
  readonly tools: Uint8Array | undefined;
  readonly steps: readonly (readonly [string, PackedStep])[];
  readonly asked: Pick<ExecutionState["conversation"], "step" | "hashes">;
  readonly finished: Uint8Array | undefined;
};

function unpack({ plain, created, status, tools, steps, asked, finished }: Packed): ExecutionState {
  return {
    ...plain,
    created: optional(ExecutionCreatedSchema, created),
    status: fromBinary(AgentExecutionStatusSchema, status),
    tools: optional(ToolsListedSchema, tools)?.tools,
    steps: new Map(steps.map(([key, step]) => [key, unpackStep(step)])),
    conversation: { ...asked, finished: optional(ModelCallFinishedSchema, finished) },
  };
}

function optional<S extends DescMessage>(schema: S, bytes: Uint8Array | undefined): MessageShape<S> | undefined {
  return bytes && fromBinary(schema, bytes);
}

function packStep({ outcome, approval, ...plain }: StepState): PackedStep {
  return {
    ...plain,
    outcome: outcome && packOutcome(outcome),
    approval: approval && { ...approval, spec: toBinary(ApprovalSpecSchema, approval.spec) },
  };
}

function packOutcome(outcome: Outcome): PackedStep["outcome"] {
  if (outcome.kind === "model") return ["model", toBinary(ModelCallFinishedSchema, outcome.finished)];
  if (outcome.kind === "own") return ["own", toBinary(OwnStepFinishedSchema, outcome.finished)];
  return ["tool", toBinary(ToolResultSchema, outcome.result)];
}

function unpackStep({ outcome, approval, ...plain }: PackedStep): StepState {
  return {
    ...plain,
    outcome: outcome && unpackOutcome(outcome),
    approval: approval && { ...approval, spec: fromBinary(ApprovalSpecSchema, approval.spec) },
  };
}

function unpackOutcome([kind, bytes]: PackedOutcome): Outcome {
  if (kind === "model") return { kind, finished: fromBinary(ModelCallFinishedSchema, bytes) };
  if (kind === "own") return { kind, finished: fromBinary(OwnStepFinishedSchema, bytes) };
  return { kind, result: fromBinary(ToolResultSchema, bytes) };
}
