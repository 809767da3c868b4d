import type { FinishReason, Message, ModelOptions, Usage } from "@stigmer/contracts/agentic";
import type { ToolSpec } from "@stigmer/contracts/gateway";

/** What a provider is asked for. `model` is in the provider's own words: `gpt-5`, `qwen3:8b`. */
export type ModelRequest = {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
  /** How the model is asked; what a provider does not know, it is not told. */
  readonly options: ModelOptions | undefined;
  /** JSON schema that the answer's text must fit, as JSON of an object; empty means any text. */
  readonly outputSchema: string;
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

/** A model that a provider offers, in its own words. `contextWindow` is in tokens; 0 where the provider does not say. */
export type ModelInfo = { readonly model: string; readonly contextWindow: number };

/**
 * One provider of models. `generate` makes one try and streams text by `onText` as it comes. It throws
 * `PROVIDER_UNAVAILABLE` (unavailable) where another try may help, with `retryAfterMs` where the provider says so, and a day
 * where the account is used up, so that nobody waits but another provider is asked;
 * `PROVIDER_REFUSED` or `PROVIDER_NOT_CONFIGURED` (precondition) where none will, a model that does not exist included;
 * and `CONTEXT_OVERFLOW` (precondition) where the conversation is longer than the model takes. `list` says which models
 * there are, and throws the same. Keys never stand in an error.
 */
export interface ModelProvider {
  generate(request: ModelRequest, options: GenerateOptions): Promise<ModelAnswer>;
  list(options: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]>;
}

export type GenerateOptions = {
  readonly signal: AbortSignal;
  readonly onText: (text: string) => void;
  /** Called once, with the first piece of the answer: text, thoughts or a tool call. */
  readonly onStart: () => void;
  /** The content of an attachment, by its digest `sha256:<hex>`. */
  readonly readBlob: (digest: string) => Promise<Uint8Array>;
};
