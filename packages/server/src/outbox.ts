import type { ServerHttp2Stream } from "node:http2";
import { PIECE_BYTES } from "./grpc-answer.ts";

/** What waits to be sent on a stream. Whatever has come in while one write was under way goes out in the next. */
export type Outbox = {
  /** Sends bytes behind all that was added before. */
  add(bytes: Buffer): void;
  /** Resolves when so little waits that more may be added, or the stream has closed; undefined where that is so already. */
  room(): Promise<void> | undefined;
  /** Ends the stream with these trailers, behind all that was added. */
  end(trailers: Readonly<Record<string, string>>): void;
};

/** Begins an answer with these headers; `moved` is told whenever the client has taken some of it. */
export function createOutbox(
  stream: ServerHttp2Stream,
  headers: Readonly<Record<string, string>>,
  moved: () => void,
): Outbox {
  let waiting: Buffer[] = [];
  let bytes = 0;
  let isWriting = false;
  let isOver = false;
  let wanted: PromiseWithResolvers<void> | undefined;
  let trailers: Readonly<Record<string, string>> | undefined;

  stream.on("close", () => {
    isOver = true;
    waiting = [];
    wanted?.resolve();
  });
  stream.on("wantTrailers", () => stream.sendTrailers({ ...trailers }));
  stream.respond({ ...headers }, { waitForTrailers: true });

  function send(): void {
    if (isWriting || isOver) return;
    const piece = nextPiece(waiting);
    if (piece !== undefined) {
      isWriting = true;
      stream.write(piece, (error) => sent(piece, error));
    } else if (trailers) {
      isOver = true;
      stream.end();
    }
  }

  function sent(piece: Buffer, error: Error | null | undefined): void {
    isWriting = false;
    if (error) return; // the stream is about to close
    moved();
    bytes -= piece.length;
    if (bytes < PIECE_BYTES) {
      wanted?.resolve();
      wanted = undefined;
    }
    send();
  }

  return {
    add(more) {
      if (isOver) return;
      waiting.push(more);
      bytes += more.length;
      send();
    },
    room() {
      if (isOver || bytes < PIECE_BYTES) return undefined;
      wanted ??= Promise.withResolvers();
      return wanted.promise;
    },
    end(last) {
      trailers = last;
      send();
    },
  };
}

/** Takes as much from the front of a list as goes out in one write. */
function nextPiece(waiting: Buffer[]): Buffer | undefined {
  const [first] = waiting;
  if (first === undefined) return undefined;
  if (first.length > PIECE_BYTES) {
    waiting[0] = first.subarray(PIECE_BYTES);
    return first.subarray(0, PIECE_BYTES);
  }
  let count = 0;
  for (let bytes = 0; count < waiting.length; count++) {
    bytes += waiting[count]?.length ?? 0;
    if (bytes > PIECE_BYTES) break;
  }
  const taken = waiting.splice(0, count);
  return taken.length === 1 ? first : Buffer.concat(taken);
}
