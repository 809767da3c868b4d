import type { SubscribeRequest, SubscribeResponse } from "@stigmer/contracts/agentic";
import { isCallFinished, isCallStarted, type SentEntry } from "./journal-page.ts";
import type { TextPlace } from "./tail-log.ts";
import { deltaResponse, type OpenText, restartedResponse } from "./tail-texts.ts";

/** How far one reader is in the texts of the calls that are open. */
export interface TextCursors {
  /** The reader gets this entry. */
  pass(entry: SentEntry): void;
  /** The reader gets text up to here. */
  took(place: TextPlace): void;
  /** What the reader has to get next to be where the tail is; it counts as taken. Undefined where it is there. */
  next(opens: Iterable<OpenText>): SubscribeResponse | undefined;
  /** Where the newest text ended that the reader got, for a request that goes on there. */
  newest(): Pick<TextPlace, "stream" | "offset">;
}

type Asked = Pick<SubscribeRequest, "fromOffset" | "fromStream">;

export function createTextCursors({ fromOffset, fromStream }: Asked): TextCursors {
  const cursors = new Map<string, TextPlace>();
  /** Calls whose first try began before the reader's eyes: it can't have any of their text. */
  const fresh = new Set<string>();
  let newest = { stream: fromStream, offset: Number(fromOffset) };
  /** Where the reader asks to go on; without a stream it means the one call that was open at its first entry. */
  let asked: number | undefined = Number(fromOffset);

  function takeUp({ step, stream, published }: OpenText): { cursor: TextPlace; isVoid: boolean } {
    const { stepKey } = step;
    const known = cursors.get(stepKey);
    const beginning = { stepKey, stream, offset: 0 };
    if (known) {
      return known.stream === stream
        ? { cursor: known, isVoid: false }
        : { cursor: beginning, isVoid: known.offset > 0 };
    }
    const isAsked = fromStream === "" || fromStream === stream;
    if (isAsked && asked !== undefined && asked <= published) {
      const offset = asked;
      asked = undefined;
      return { cursor: { ...beginning, offset }, isVoid: false };
    }
    return { cursor: beginning, isVoid: fromStream !== "" && !fresh.has(stepKey) };
  }

  function advance(open: OpenText): SubscribeResponse | undefined {
    const { cursor, isVoid } = takeUp(open);
    cursors.set(cursor.stepKey, cursor);
    if (isVoid) {
      newest = cursor;
      return restartedResponse(open.step);
    }
    if (cursor.offset >= open.published) return undefined;
    const piece = open.step.piece(cursor.offset);
    if (piece.text === "") return undefined; // the step has just ended: the entry that says so comes next
    newest = { ...cursor, offset: piece.end };
    cursors.set(cursor.stepKey, newest as TextPlace);
    return deltaResponse(open.step, piece);
  }

  return {
    pass(entry) {
      const { stepKey } = entry;
      if (isCallStarted(entry)) {
        if (entry.attempt === 1) fresh.add(stepKey);
        if (fromStream === "") asked = undefined;
      } else if (isCallFinished(entry)) {
        cursors.delete(stepKey);
        fresh.delete(stepKey);
        if (fromStream === "") asked = undefined;
      }
    },
    took(place) {
      cursors.set(place.stepKey, place);
      newest = place;
    },
    next(opens) {
      for (const open of opens) {
        const response = advance(open);
        if (response) return response;
      }
      return undefined;
    },
    newest: () => newest,
  };
}
