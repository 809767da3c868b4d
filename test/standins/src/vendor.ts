import type { Json } from "./json.ts";
import type { Turn } from "./script.ts";

/** How one vendor's API looks on the wire. */
export type Vendor = {
  /** What its URL ends with. */
  readonly base: string;
  /** The key that a request carries. */
  readonly keyOf: (headers: Readonly<Record<string, string | undefined>>) => string | undefined;
  /** Where answers are asked for: `POST /v1/messages`. */
  readonly calls: Readonly<Record<string, Call>>;
  /** What else it answers, as its list of models. */
  readonly other: (
    request: { route: string; query: string; body: unknown },
    models: readonly string[],
  ) => object | undefined;
  /** Its own words for an error. */
  readonly refusal: (refusal: Refusal) => object;
  readonly unknownModel: (model: string) => Refusal;
  readonly overflow: Refusal;
  readonly usedUp: Refusal;
};

export type Refusal = {
  readonly status: number;
  readonly message?: string | undefined;
  readonly param?: string | null | undefined;
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** One way to ask for an answer. */
export type Call = {
  /** What the vendor would refuse in a request. */
  readonly complaintOf: (body: Json, headers: Readonly<Record<string, string | undefined>>) => Refusal | undefined;
  readonly turnIndex: (body: Json) => number;
  readonly isStreamed: (body: Json) => boolean;
  readonly streamType: string;
  /** The stream, cut where the vendor flushes. */
  readonly frames: (turn: Turn, answer: Answer) => readonly string[];
  /** An error that comes after the first frames. */
  readonly errorFrame: (message: string) => string;
  readonly whole: (turn: Turn, answer: Answer) => object;
};

/** Marks an answer: which it is, to what, and how its tool calls are mixed. */
export type Answer = {
  readonly number: number;
  readonly body: Json;
  readonly turn: number;
  /** The fragments of all calls in the order in which they are sent. */
  readonly mix: (calls: readonly (readonly object[])[]) => readonly object[];
};

/** A tool call as a turn has it, with an id and its arguments as JSON. */
export type WireCall = { readonly id: string; readonly name: string; readonly arguments: string };

export function callsOf({ toolCalls = [] }: Turn, prefix: string, turn: number): WireCall[] {
  return toolCalls.map(({ id, name, arguments: value }, index) => ({
    id: id ?? `${prefix}_${turn}_${index}`,
    name,
    arguments: typeof value === "string" ? value : JSON.stringify(value),
  }));
}
