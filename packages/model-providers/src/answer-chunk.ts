import type { FinishReason } from "@stigmer/contracts/agentic";

/** What one piece of a stream adds to an answer. A whole answer is read as one chunk. */
export type Chunk = {
  /** The model that serves; empty where the piece does not say. */
  readonly model: string;
  readonly said: readonly SaidFragment[];
  readonly calls: readonly CallFragment[];
  /** Set once the provider says that it is done. */
  readonly finish: FinishReason | undefined;
  /** What is known of the tokens, counted from the start. */
  readonly usage: Partial<TokenCount>;
  /** Whether nothing follows. */
  readonly last: boolean;
};

/** A piece of text or of a thought. `place` is its block's place in the answer, also among the tool calls. */
export type SaidFragment = {
  readonly kind: "text" | "thought";
  readonly place: number;
  readonly text: string;
  /** What the provider wants back with the thought; the last one counts. */
  readonly signature?: string;
  /** Whether the signature is all there is of the thought. */
  readonly redacted?: boolean;
};

/** A piece of a tool call; what it does not say is empty. */
export type CallFragment = {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** Whether `arguments` are all of them, whatever came before. */
  readonly whole?: boolean;
};

export type TokenCount = {
  /** Of the request, cached ones included. */
  readonly input: bigint;
  readonly output: bigint;
  readonly cached: bigint;
  readonly cacheWrite: bigint;
  readonly reasoning: bigint;
};

/** A chunk that adds nothing but what it is told. */
export function chunk(fields: Partial<Chunk>): Chunk {
  return { model: "", said: [], calls: [], finish: undefined, usage: {}, last: false, ...fields };
}
