import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type CallRestarted,
  CallRestartedSchema,
  type ExecutionEvent,
  ExecutionEventSchema,
  type SubscribeRequest,
  type SubscribeResponse,
  type TextDelta,
  type ToolCallProgress,
} from "@stigmer/contracts/agentic";

/** What a follower learns, each once and in order, whatever the connection did. */
export type Item =
  | { readonly kind: "entry"; readonly sequence: number; readonly event: ExecutionEvent }
  | { readonly kind: "delta"; readonly delta: TextDelta }
  | { readonly kind: "restarted"; readonly restarted: CallRestarted }
  | { readonly kind: "progress"; readonly progress: ToolCallProgress };

/** An open model call: how many bytes of its text have come, and of which stream. */
export type OpenCall = { readonly attempt: number; readonly bytes: number; readonly stream: string };

/** How far a follower has come. */
export type Cursor = {
  /** Sequence of the next entry. */
  readonly next: number;
  /** The open model calls by step, the one whose text came last at the end. */
  readonly open: ReadonlyMap<string, OpenCall>;
};

export const START: Cursor = { next: 1, open: new Map() };

type Step = { readonly cursor: Cursor; readonly items: readonly Item[] };

/** The fields with which a request goes on at a cursor. Of the calls it can name one; the others are sent anew. */
export function resumeAt({ next, open }: Cursor): Pick<SubscribeRequest, "fromSequence" | "fromOffset" | "fromStream"> {
  const { bytes = 0, stream = "" } = [...open.values()].findLast((call) => call.bytes > 0) ?? {};
  return { fromSequence: BigInt(next), fromOffset: BigInt(bytes), fromStream: stream };
}

/** Takes a message of the stream: what came before is dropped, and a gap in the journal is an error. */
export function advance(cursor: Cursor, { message }: SubscribeResponse): Step {
  switch (message.case) {
    case "entry":
      return takeEntry(cursor, Number(message.value.sequence), message.value.event);
    case "delta":
      return takeDelta(cursor, message.value);
    case "restarted":
      return restart(cursor, message.value);
    case "toolProgress":
      return { cursor, items: [{ kind: "progress", progress: message.value }] };
    default:
      return { cursor, items: [] };
  }
}

function takeEntry(cursor: Cursor, sequence: number, bytes: Uint8Array): Step {
  if (sequence < cursor.next) return { cursor, items: [] };
  if (sequence > cursor.next) throw new Error(`the backend left out entry ${cursor.next} of the journal`);
  const event = fromBinary(ExecutionEventSchema, bytes);
  return {
    cursor: { next: sequence + 1, open: openAfter(cursor.open, event) },
    items: [{ kind: "entry", sequence, event }],
  };
}

function openAfter(open: Cursor["open"], { event, stepKey, attempt }: ExecutionEvent): Cursor["open"] {
  if (event.case === "modelCallStarted") return withCall(open, stepKey, { attempt, bytes: 0, stream: "" });
  return event.case === "modelCallFinished" ? withCall(open, stepKey, undefined) : open;
}

/** The open calls with this one as the last of them, or without it. */
function withCall(open: Cursor["open"], stepKey: string, call: OpenCall | undefined): Cursor["open"] {
  const others = [...open].filter(([key]) => key !== stepKey);
  return new Map(call ? [...others, [stepKey, call]] : others);
}

function takeDelta(cursor: Cursor, delta: TextDelta): Step {
  const { stepKey, attempt, stream } = delta;
  const call = cursor.open.get(stepKey) ?? { attempt, bytes: 0, stream };
  if (attempt < call.attempt) return { cursor, items: [] };
  if (attempt > call.attempt || isOther(stream, call)) {
    const begun = restart(cursor, create(CallRestartedSchema, { stepKey, attempt }));
    const taken = takeDelta(begun.cursor, delta);
    return { cursor: taken.cursor, items: [...begun.items, ...taken.items] };
  }
  const fresh = freshPart(delta, call.bytes);
  if (fresh === undefined) return { cursor, items: [] };
  const bytes = call.bytes + Buffer.byteLength(fresh);
  const item: Item = { kind: "delta", delta: { ...delta, offset: BigInt(call.bytes), text: fresh } };
  return { cursor: { ...cursor, open: withCall(cursor.open, stepKey, { attempt, bytes, stream }) }, items: [item] };
}

/** Whether text belongs to another try than what has come. A backend of an older version names none. */
function isOther(stream: string, call: OpenCall): boolean {
  return call.bytes > 0 && call.stream !== "" && stream !== "" && stream !== call.stream;
}

/** The part of a delta that has not come yet. After a gap nothing is shown: the closing entry has the whole text. */
function freshPart(delta: TextDelta, have: number): string | undefined {
  const offset = Number(delta.offset);
  const bytes = Buffer.from(delta.text, "utf8");
  if (offset > have || offset + bytes.length <= have) return undefined;
  return offset === have ? delta.text : bytes.toString("utf8", have - offset);
}

function restart(cursor: Cursor, restarted: CallRestarted): Step {
  const { stepKey, attempt } = restarted;
  const open = withCall(cursor.open, stepKey, { attempt, bytes: 0, stream: "" });
  return { cursor: { ...cursor, open }, items: [{ kind: "restarted", restarted }] };
}
