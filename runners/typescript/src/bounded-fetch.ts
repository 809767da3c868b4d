import type { Transformer } from "node:stream/web";
import type { FetchLike } from "@modelcontextprotocol/client";
import { LONGEST_MESSAGE_BYTES, tooLarge } from "./too-large.ts";

/** A `fetch` that holds no message of more than 8 MiB: whoever asked gets an error in its place, and the rest is let go. */
export function createBoundedFetch(fetch: FetchLike): FetchLike {
  return async (url, init) => {
    const response = await fetch(url, init);
    if (!response.body) return response;
    const stream = response.body as ReadableStream<Uint8Array>;
    const id = requestIdIn(init?.body);
    const isEvents = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
    const body = isEvents ? stream.pipeThrough(new TransformStream(boundedEvents(id))) : await boundedText(stream, id);
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

function requestIdIn(body: unknown): string | number | undefined {
  if (typeof body !== "string") return undefined;
  const message: unknown = JSON.parse(body);
  const id = typeof message === "object" && message !== null && "id" in message ? message.id : undefined;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

async function boundedText(
  stream: ReadableStream<Uint8Array>,
  id: string | number | undefined,
): Promise<Uint8Array | string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop gives the rest of the stream up.
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > LONGEST_MESSAGE_BYTES) return refusal(id);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusal(id: string | number | undefined): string {
  if (id === undefined) throw new Error("it sent a message that is too large, and that nobody asked for");
  return JSON.stringify(tooLarge(id));
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Hands on whole events; one that is too large ends the stream. */
function boundedEvents(id: string | number | undefined): Transformer<Uint8Array, Uint8Array> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  // Characters of the line that is being read, which chunks may cut anywhere.
  let lineLength = 0;
  const endOfEvents = (chunk: Uint8Array): number => {
    let after = 0;
    let lineStart = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, lineStart)) {
      const hasReturn = at > lineStart && chunk[at - 1] === CARRIAGE_RETURN;
      if (lineLength + at - lineStart - (hasReturn ? 1 : 0) === 0) after = at + 1;
      lineStart = at + 1;
      lineLength = 0;
    }
    const rest = chunk.subarray(lineStart);
    lineLength += rest.length === 1 && rest[0] === CARRIAGE_RETURN ? 0 : rest.length;
    return after;
  };
  return {
    transform(chunk, controller) {
      const after = endOfEvents(chunk);
      if (after > 0) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.enqueue(chunk.subarray(0, after));
        pieces = [];
        bytes = 0;
      }
      const rest = chunk.subarray(after);
      pieces.push(rest);
      bytes += rest.length;
      if (bytes <= LONGEST_MESSAGE_BYTES) return;
      pieces = [];
      controller.enqueue(Buffer.from(`event: message\ndata: ${refusal(id)}\n\n`));
      controller.terminate();
    },
    flush(controller) {
      for (const piece of pieces) controller.enqueue(piece);
    },
  };
}
