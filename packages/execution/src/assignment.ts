import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AssignmentSchema, Lease, Message } from "@stigmer/contracts/agentic";
import type { ExecutionState } from "./state.ts";
import type { Received } from "./variables.ts";

export type Assigning = {
  readonly lease: Pick<Lease, "executionId" | "epoch">;
  /** The conversation before the message. */
  readonly history: readonly Message[];
  /** Values of the variables that the agent declares. */
  readonly received: Received;
};

/** What a runner is told that is to drive an execution: the same on every attempt, but for `fresh` and the values of variables. */
export function assignmentOf(
  { id, created, history: bound, hasOwnSteps }: ExecutionState,
  { lease, history, received }: Assigning,
): MessageInitShape<typeof AssignmentSchema> {
  if (!created?.spec) throw new Error(`the journal of execution ${id} does not begin with its creation`);
  const { spec, message, attachments, skills, contextWindow, limits, planFirst } = created;
  return {
    ...{ lease, agent: spec, history: [...history], message, attachments, planFirst },
    fresh: !hasOwnSteps,
    skills: skills.map(({ name, description }) => ({ name, description })),
    contextWindow: bound ? BigInt(bound.contextWindow) : contextWindow,
    historyTokens: BigInt(bound?.tokens ?? 0),
    maxToolRounds: limits?.maxToolRounds ?? 0,
    variables: received.values,
    secretNames: [...received.secretNames],
  };
}
