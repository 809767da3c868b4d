import type { ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import type { Raw } from "./script.ts";
import type { Call } from "./vendor.ts";

/**
 * How the stand-in misbehaves.
 * - `unauthorized`, `rate-limited`, `failing`: 401, 429 with `Retry-After: 1`, 500
 * - `overflow`, `used-up`: the conversation is too long, or the account is empty
 * - `json`: ignores that a stream is asked for; `half-json`: and sends only the first half of it
 * - `rubbish`: a stream whose data is not JSON
 * - `wrong-content-type`: a web page
 * - `empty`: the head of an answer and nothing else
 * - `cut`: the connection breaks in the middle of a piece, before the end
 * - `stream-error`: the vendor's own error in the middle of the stream
 * - `mute`: never answers; `silence`: falls silent after the first piece
 * - `split`: each piece comes in three writes
 * - `shuffled`: the pieces of several tool calls are mixed, the last call first
 * - `unknown-finish`: it stops for a reason that nobody has heard of
 */
export type Mode = (typeof MODES)[number];

export const MODES = [
  "answer",
  "unauthorized",
  "rate-limited",
  "failing",
  "overflow",
  "used-up",
  "json",
  "half-json",
  "rubbish",
  "wrong-content-type",
  "empty",
  "cut",
  "stream-error",
  "mute",
  "silence",
  "split",
  "shuffled",
  "unknown-finish",
] as const;

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

export async function sendRaw(response: ServerResponse, raw: Raw, type: string): Promise<void> {
  const { status = 200, headers = {}, body } = raw;
  response.writeHead(status, { "content-type": type, ...headers });
  for (const piece of typeof body === "string" ? [body] : body) await write(response, piece);
  response.end();
}

/** Sends an answer that comes at once. */
export async function sendWhole(response: ServerResponse, value: object, mode: Mode): Promise<void> {
  if (mode === "mute") return;
  if (mode === "wrong-content-type") return sendPage(response);
  const text = JSON.stringify(value);
  const body = mode === "half-json" ? text.slice(0, text.length / 2) : mode === "rubbish" ? `{rubbish${text}` : text;
  response.writeHead(200, { "content-type": "application/json; charset=utf-8" });
  if (mode === "silence" || mode === "cut") await write(response, body.slice(0, body.length / 2));
  if (mode === "silence") return;
  if (mode === "cut") return void response.destroy();
  if (mode === "empty") return void response.end();
  for (const piece of mode === "split" ? thirds(body) : [body]) await write(response, piece);
  response.end();
}

export type StreamOptions = {
  readonly call: Call;
  readonly frames: readonly string[];
  readonly mode: Mode;
  readonly delayMs: number;
};

/** Sends an answer piece by piece. */
export async function sendStream(response: ServerResponse, options: StreamOptions): Promise<void> {
  const { call, frames, mode, delayMs } = options;
  if (mode === "mute") return;
  if (mode === "wrong-content-type") return sendPage(response);
  response.writeHead(200, { "content-type": call.streamType, "cache-control": "no-cache" });
  if (mode === "empty") return void response.end();
  const half = Math.floor(frames.length / 2);
  for (const [index, frame] of frames.entries()) {
    if (delayMs > 0) await setTimeout(delayMs);
    if (response.destroyed) return;
    if (mode === "stream-error" && index === half) return void response.end(call.errorFrame("it failed"));
    if (mode === "cut" && index === half) return await breakOff(response, frame);
    const sent = mode === "rubbish" ? frame.replaceAll("{", "{rubbish") : frame;
    for (const piece of mode === "split" ? thirds(sent) : [sent]) await write(response, piece);
    if (mode === "silence") return;
  }
  response.end();
}

function sendPage(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end("<!doctype html><title>Welcome</title>");
}

async function breakOff(response: ServerResponse, frame: string): Promise<void> {
  await write(response, frame.slice(0, frame.length / 2));
  response.destroy();
}

function thirds(frame: string): string[] {
  const third = Math.ceil(frame.length / 3);
  return [frame.slice(0, third), frame.slice(third, 2 * third), frame.slice(2 * third)].filter((piece) => piece !== "");
}

// Waits until the piece has left, so that the next one is another segment.
async function write(response: ServerResponse, piece: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => {
    response.write(piece, () => setImmediate(resolve));
  });
}
