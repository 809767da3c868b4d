import { create } from "@bufbuild/protobuf";
import {
  InputRequestedSchema,
  ExecutionPhase as Phase,
  QuestionSchema,
  type ToolDefinition,
  ToolDefinitionSchema,
} from "@stigmer/contracts/agentic";
import type { ExecutionState, StepState, Verdict } from "@stigmer/execution";
import { canonicalJson, type Json, textDigest } from "@stigmer/resource";
import type { AskedCall } from "./asked-call.ts";
import { waits } from "./waits.ts";

const SCHEMA = {
  type: "object",
  properties: {
    question: { type: "string", description: "The question." },
    options: { type: "array", items: { type: "string" }, maxItems: 16, description: "Answers to choose from, if any." },
  },
  required: ["question"],
};

/** The tool by which an agent asks the user. */
export function askUserTool(): ToolDefinition {
  const said = {
    tool: "ask_user",
    description: "Ask the user a question and wait for the answer. Use it only where you cannot go on without.",
    inputSchema: JSON.stringify(SCHEMA),
  };
  return create(ToolDefinitionSchema, { ...said, name: said.tool, digest: textDigest(canonicalJson(said)) });
}

type Asking = {
  readonly asked: AskedCall;
  readonly state: ExecutionState;
  readonly step: StepState | undefined;
  readonly value: Record<string, Json>;
};

/** Parks the execution until the user answers; `provideInput` is the outcome of the step. */
export function askUser({ asked, state, step, value }: Asking): Verdict {
  if (step && step.attempt > 0) return waits(state);
  const options = Array.isArray(value.options) ? value.options.map(String) : [];
  const question = create(QuestionSchema, { stepKey: asked.stepKey, text: String(value.question), options });
  const requested = create(InputRequestedSchema, { requestDigest: asked.digestBytes, call: asked.call, question });
  const at = { stepKey: asked.stepKey, epoch: BigInt(asked.epoch), attempt: 1 };
  return {
    ...{ kind: "park", approvalId: "", phase: Phase.WAITING_FOR_INPUT },
    events: [{ ...at, event: { case: "inputRequested", value: requested } }],
  };
}
