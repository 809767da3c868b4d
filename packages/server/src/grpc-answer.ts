import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { answerTooLarge, unreadAnswers } from "./protocol-faults.ts";

/** What the calls of one connection share. */
export type Connection = {
  /** Bytes of answers that its client has not taken yet. */
  unread: number;
};

const HEAD_BYTES = 5;
/** From here on packing a message is worth its time. */
const PACK_BYTES = 1024;
/** Larger answers go out in pieces, so that it shows whether their client takes them. */
export const PIECE_BYTES = 64 * 1024;
/** An answer may be larger than a request: a list holds many of what came one by one. */
const MAX_ANSWER_MESSAGES = 4;
/** How much may wait for one connection's client. */
const MAX_UNREAD_MESSAGES = 16;

const pack = promisify(gzip);

/** Whether an answer to a request with these headers is packed: where the client packs too, and it is worth it. */
export function isPacked(headers: IncomingHttpHeaders, length: number): boolean {
  if (length < PACK_BYTES || headers["grpc-encoding"] !== "gzip") return false;
  const accepted = headers["grpc-accept-encoding"];
  return accepted === undefined || String(accepted).split(/ *, */).includes("gzip");
}

/** The frame of a message. Throws where the message is larger than the backend sends. */
export async function packedFrame(message: Uint8Array): Promise<Buffer> {
  return frameOf(await pack(message), true);
}

export function frameOf(message: Uint8Array, compressed: boolean): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  frame[0] = compressed ? 1 : 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, HEAD_BYTES);
  return frame;
}

/** Throws where a message is larger than the backend sends. */
export function admitLength(length: number, maxMessageBytes: number): void {
  if (length > MAX_ANSWER_MESSAGES * maxMessageBytes) throw answerTooLarge();
}

/** Throws where a message is larger than the backend sends, or too much waits for the connection's client already. */
export function admitAnswer(connection: Connection, length: number, maxMessageBytes: number): void {
  admitLength(length, maxMessageBytes);
  if (connection.unread + length > MAX_UNREAD_MESSAGES * maxMessageBytes) throw unreadAnswers();
}

/** Sends a frame and, once it is on its way, that all is well; `moved` is told whenever a piece is. */
export function sendFrame(
  stream: ServerHttp2Stream,
  frame: Buffer,
  { headers, moved }: { readonly headers: Record<string, string>; readonly moved: () => void },
): void {
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.respond(headers, { waitForTrailers: true });
  sendFrom(0);

  function sendFrom(start: number): void {
    const end = start + PIECE_BYTES;
    if (end >= frame.length) return void stream.end(start === 0 ? frame : frame.subarray(start));
    stream.write(frame.subarray(start, end), (error) => {
      if (error) return;
      moved();
      sendFrom(end);
    });
  }
}
