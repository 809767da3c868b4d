import type { CallFragment } from "./answer-chunk.ts";
import { Trouble } from "./trouble.ts";

/** A tool call as far as it has come. `index` is its place among the calls, as the provider numbers them. */
export type PartialCall = {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  readonly bytes: number;
};

/** A tool call that is complete; ids are unique among the calls. */
export type WholeCall = {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** As `PartialCall.index`. */
  readonly place: number;
};

const MAX_CALLS = 128;
const MAX_ARGUMENT_BYTES = 1024 * 1024;
const MAX_NAME = 256;

/** The calls after one more fragment. Fragments may come in any order; throws `Trouble` where a bound is passed. */
export function foldCall(calls: readonly PartialCall[], fragment: CallFragment): readonly PartialCall[] {
  const at = placeOf(calls, fragment);
  const known = calls[at];
  const before = fragment.whole ? undefined : known;
  const bytes = (before?.bytes ?? 0) + Buffer.byteLength(fragment.arguments);
  if (bytes > MAX_ARGUMENT_BYTES) throw new Trouble("it sent a tool call whose arguments are larger than 1 MiB");
  if (!known && calls.length >= MAX_CALLS) throw new Trouble(`it sent more than ${MAX_CALLS} tool calls`);
  const next = {
    index: known?.index ?? fragment.index ?? highest(calls) + 1,
    id: known?.id || fragment.id,
    name: known?.name || fragment.name,
    arguments: (before?.arguments ?? "") + fragment.arguments,
    bytes,
  };
  return known ? calls.with(at, next) : [...calls, next];
}

/** The calls in their order. One without an id of its own is named after its place; one without a name is `Trouble`. */
export function wholeCalls(calls: readonly PartialCall[]): WholeCall[] {
  const ordered = calls.toSorted((a, b) => a.index - b.index);
  return ordered.map((call, place) => {
    if (!call.name) throw new Trouble("it sent a tool call that names no tool");
    if (call.name.length > MAX_NAME) throw new Trouble("it sent a tool call whose name is longer than 256 characters");
    const earlier = ordered.slice(0, place).some(({ id }) => id === call.id);
    const id = call.id && !earlier && call.id.length <= MAX_NAME ? call.id : freeId(ordered, place);
    // A tool without parameters is called with nothing by some models.
    return { id, name: call.name, arguments: call.arguments.toWellFormed() || "{}", place: call.index };
  });
}

function placeOf(calls: readonly PartialCall[], { index, id, name }: CallFragment): number {
  const same = calls.findLastIndex((call) => id !== "" && call.id === id && call.index === (index ?? call.index));
  if (same >= 0) return same;
  const last = index === undefined ? calls.length - 1 : calls.findLastIndex((call) => call.index === index);
  const known = calls[last];
  if (!known) return -1;
  // Ollama has numbered every call 0, others number none: a name under another id begins the next call. An id alone
  // does not, as there are servers that make up a new one for each fragment.
  const begins = name !== "" && (index === undefined || (id !== "" && known.id !== "" && known.id !== id));
  return begins ? -1 : last;
}

function highest(calls: readonly PartialCall[]): number {
  return calls.reduce((top, { index }) => Math.max(top, index), -1);
}

function freeId(calls: readonly PartialCall[], place: number): string {
  const taken = new Set(calls.map(({ id }) => id));
  for (let suffix = 0; ; suffix++) {
    const id = suffix === 0 ? `call_${place}` : `call_${place}_${suffix}`;
    if (!taken.has(id)) return id;
  }
}
