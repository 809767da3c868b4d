import type { ModelInfo, ModelRequest } from "@stigmer/gateway/port";
import type { Chunk } from "./answer-chunk.ts";
import type { Files } from "./files.ts";
import type { JsonObject } from "./json-value.ts";

/** How one vendor's API is spoken. Everything here is a pure function of its arguments; `callProvider` makes the calls. */
export type Dialect = {
  /** End of a base URL that says what the paths here say already. */
  readonly without?: RegExp;
  /** Where an answer is asked for, below the base URL. */
  readonly path: string;
  readonly headers: (apiKey: string | undefined) => Readonly<Record<string, string>>;
  /** How a stream is cut into pieces: server-sent events, or a line of JSON each. */
  readonly framing: "events" | "lines";
  readonly body: (request: ModelRequest, how: Asking) => JsonObject;
  /** Reads one piece of a stream. Throws `Trouble`. */
  readonly chunkOf: (value: unknown) => Chunk;
  /** Reads an answer that came at once. Throws `Trouble`. */
  readonly wholeOf: (value: unknown) => Chunk;
  /** Most tokens of context that a request asks for where the user says nothing; undefined where requests do not say. */
  readonly usualContext?: number;
  /** What to do where the provider has no such model. */
  readonly missingModel?: (model: string) => string;
  /** Asks for the models. `get` and `post` answer with JSON, and throw faults. */
  readonly models: (ask: Asker) => Promise<readonly ModelInfo[]>;
};

export type Asking = {
  /** What the user calls the provider. */
  readonly provider: string;
  readonly files: Files;
  readonly stream: boolean;
  /** Most tokens of context that its models are to have; undefined where the user does not say. */
  readonly contextWindow: number | undefined;
};

export type Asker = {
  get(path: string, query?: string): Promise<unknown>;
  post(path: string, body: JsonObject): Promise<unknown>;
};
