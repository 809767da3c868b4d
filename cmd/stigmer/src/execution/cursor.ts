import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type CallRestarted,
  CallRestartedSchema,
  type ExecutionEvent,
  ExecutionEventSchema,
  type SubscribeResponse,
  type TextDelta,
} from "@stigmer/contracts/agentic";

/** What a follower learns, each once and in order, whatever the connection did. */
export type Item =
  | { readonly kind: "entry"; readonly sequence: number; readonly event: ExecutionEvent }
  | { readonly kind: "delta"; readonly delta: TextDelta }
  | { readonly kind: "restarted"; readonly restarted: CallRestarted };

/** How far a follower has come. */
export type Cursor = {
  /** Sequence of the next entry. */
  readonly next: number;
  /** The model call that is open, and how many bytes of its text have come. */
  readonly open?: { readonly stepKey: string; readonly attempt: number; readonly bytes: number } | undefined;
};

export const START: Cursor = { next: 1 };

type Step = { readonly cursor: Cursor; readonly items: readonly Item[] };

/** Takes a message of the stream: what came before is dropped, and a gap in the journal is an error. */
export function advance(cursor: Cursor, { message }: SubscribeResponse): Step {
  switch (message.case) {
    case "entry":
      return takeEntry(cursor, Number(message.value.sequence), message.value.event);
    case "delta":
      return takeDelta(cursor, message.value);
    case "restarted":
      return restart(cursor, message.value);
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
  if (event.case === "modelCallStarted") return { stepKey, attempt, bytes: 0 };
  return event.case === "modelCallFinished" && open?.stepKey === stepKey ? undefined : open;
}

function takeDelta(cursor: Cursor, delta: TextDelta): Step {
  const { stepKey, attempt } = delta;
  const open = cursor.open?.stepKey === stepKey ? cursor.open : { stepKey, attempt, bytes: 0 };
  if (attempt < open.attempt) return { cursor, items: [] };
  if (attempt > open.attempt) {
    const begun = restart(cursor, create(CallRestartedSchema, { stepKey, attempt }));
    const taken = takeDelta(begun.cursor, delta);
    return { cursor: taken.cursor, items: [...begun.items, ...taken.items] };
  }
  const fresh = freshPart(delta, open.bytes);
  if (fresh === undefined) return { cursor, items: [] };
  const bytes = open.bytes + Buffer.byteLength(fresh);
  const item: Item = { kind: "delta", delta: { ...delta, offset: BigInt(open.bytes), text: fresh } };
  return { cursor: { ...cursor, open: { stepKey, attempt, bytes } }, items: [item] };
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
  return { cursor: { ...cursor, open: { stepKey, attempt, bytes: 0 } }, items: [{ kind: "restarted", restarted }] };
}
