import { create } from "@bufbuild/protobuf";
import {
  type AgentExecutionStatus,
  type ModelCallFinished,
  ModelUsageSchema,
  type Usage,
  UsageSchema,
} from "@stigmer/contracts/agentic";

/** Adds what was used to a sum. */
export function addUsage(sum: Usage, more: Usage | undefined): void {
  if (!more) return;
  sum.inputTokens += more.inputTokens;
  sum.outputTokens += more.outputTokens;
  sum.cachedInputTokens += more.cachedInputTokens;
  sum.cacheWriteTokens += more.cacheWriteTokens;
  sum.reasoningTokens += more.reasoningTokens;
  sum.costMicros += more.costMicros;
  sum.unpricedCalls += more.unpricedCalls;
}

/** Adds a model call to what an execution has used, in all and of its model. */
export function addCall(status: AgentExecutionStatus, { usage, model: asked }: ModelCallFinished): void {
  status.usage ??= create(UsageSchema);
  addUsage(status.usage, usage);
  const model = asked || status.model;
  let own = status.modelUsage.find((one) => one.model === model);
  if (!own) {
    own = create(ModelUsageSchema, { model });
    status.modelUsage.push(own);
  }
  own.calls += 1n;
  own.usage ??= create(UsageSchema);
  addUsage(own.usage, usage);
}
