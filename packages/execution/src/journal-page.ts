import { create } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  ExecutionEventSchema,
  ExecutionPhase as Phase,
  PhaseChangedSchema,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "@stigmer/contracts/agentic";
import type { JournalEntry } from "@stigmer/store";

/** What an entry says of calls and phase, as far as it matters to who streams. */
export type EntryFacts = {
  /** The event's field number. */
  readonly event: number;
  readonly stepKey: string;
  readonly attempt: number;
  /** The phase, where the entry changes it. */
  readonly phase: Phase | undefined;
};

/** An entry, ready to be sent. */
export type SentEntry = EntryFacts & {
  readonly sequence: number;
  readonly bytes: number;
  readonly response: SubscribeResponse;
};

const { field } = ExecutionEventSchema;
const STEP_KEY = field.stepKey.number;
const ATTEMPT = field.attempt.number;
const PHASE_CHANGED = field.phaseChanged.number;
const PHASE = PhaseChangedSchema.field.phase.number;
/** Fields below are what all events have; the others are the oneof. */
const FIRST_EVENT = field.created.number;

export function isCallStarted({ event }: EntryFacts): boolean {
  return event === field.modelCallStarted.number;
}

export function isCallFinished({ event }: EntryFacts): boolean {
  return event === field.modelCallFinished.number;
}

export function sentEntry(entry: JournalEntry): SentEntry {
  const { sequence, prevHash, hash, event } = entry;
  const value = { sequence: BigInt(sequence), prevHash: plain(prevHash), hash: plain(hash), event: plain(event) };
  const response = create(SubscribeResponseSchema, { message: { case: "entry", value } });
  return { ...factsOf(event), sequence, bytes: event.length, response };
}

/** Parts of a list, none of which has more than `limit` bytes; a larger entry stands alone. */
export function inBatches(entries: readonly SentEntry[], limit: number): readonly (readonly SentEntry[])[] {
  const batches: SentEntry[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    if (bytes + entry.bytes > limit) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(entry);
    bytes += entry.bytes;
  }
  return batches;
}

/** Reads the few fields that matter and steps over the rest: an event may hold a long text. */
function factsOf(event: Uint8Array): EntryFacts {
  const reader = new BinaryReader(event);
  const facts = { event: 0, stepKey: "", attempt: 0, phase: undefined as Phase | undefined };
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === STEP_KEY) facts.stepKey = reader.string();
    else if (number === ATTEMPT) facts.attempt = reader.int32();
    else {
      if (number >= FIRST_EVENT) facts.event = number;
      if (number === PHASE_CHANGED) facts.phase = phaseOf(reader.bytes());
      else reader.skip(wireType, number);
    }
  }
  return facts;
}

function phaseOf(phaseChanged: Uint8Array): Phase {
  const reader = new BinaryReader(phaseChanged);
  let phase = Phase.UNSPECIFIED;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === PHASE) phase = reader.int32();
    else reader.skip(wireType, number);
  }
  return phase;
}

/** The message types want a plain ArrayBuffer behind their bytes. */
function plain(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return view as Uint8Array<ArrayBuffer>;
}
