import type { FinishReason, Message, Usage } from "@stigmer/contracts/agentic";
import type { ToolSpec } from "@stigmer/contracts/gateway";

/** What a provider is asked for. `model` is in the provider's own words: `gpt-5`, `qwen3:8b`. */
export type ModelRequest = {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
};

export type ModelAnswer = {
  readonly message: Message;
  readonly finishReason: FinishReason;
  /** The model that answered, in the provider's words. */
  readonly servedModel: string;
  readonly usage: Usage;
  /** Whether a script answered instead of a model. */
  readonly scripted: boolean;
};

/**
 * One provider of models. `generate` makes one try and streams text by `onText` as it comes. It throws
 * `PROVIDER_UNAVAILABLE` (unavailable) where another try may help, with `retryAfterMs` where the provider says so, and
 * `PROVIDER_REFUSED` or `PROVIDER_NOT_CONFIGURED` (precondition) where none will. Keys never stand in an error.
 */
export interface ModelProvider {
  generate(request: ModelRequest, options: GenerateOptions): Promise<ModelAnswer>;
}

export type GenerateOptions = { readonly signal: AbortSignal; readonly onText: (text: string) => void };
