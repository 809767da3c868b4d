import { connect } from "node:net";
import fc from "fast-check";
import { framed } from "../harness/calls.ts";
import { Finding } from "../harness/finding.ts";
import type { Target } from "../harness/target.ts";
import type { World } from "../harness/world.ts";
import { edited, edits } from "../inputs/edits.ts";
import { encodeFrame, encodeHeaders, FLAG, FRAME, type Frame, PREFACE } from "../inputs/http2.ts";

/** What one connection sends, in pieces. */
type Script = { readonly pieces: readonly Uint8Array[]; readonly end: boolean };

/** Without the port, so that a seed gives the same bytes whatever port there is. */
const HOST = "localhost";
const QUIET_MS = 10;
const LIMIT_MS = 2_000;

/** The bytes of connections: HTTP/2 and HTTP/1.1, valid, reordered, cut and spoilt. */
export function frames(world: World): Target<Script> {
  const { port } = new URL(world.victim.url);
  const fresh = fc.oneof(http2(world, HOST), http1(world, HOST));
  return {
    name: "frames",
    inputs: 40,
    arbitrary(reached) {
      if (reached.length === 0) return fresh;
      const again = fc.tuple(fc.constantFrom(...reached), edits).map(([script, changes]) => ({
        ...script,
        pieces: [edited(Buffer.concat(script.pieces), changes)],
      }));
      return fc.oneof({ weight: 3, arbitrary: fresh }, { weight: 1, arbitrary: again });
    },
    async send(script) {
      const answer = await converse(Number(port), script);
      const text = answer.toString("latin1");
      if (/^HTTP\/1.1 500|"code":"(internal|unknown)"|grpc-status: ?(2|13)\b/m.test(text))
        throw new Finding("a connection is answered that the backend failed", text.slice(0, 2_000));
    },
  };
}

/** Writes the pieces, and reads until nothing comes any more. */
function converse(port: number, { pieces, end }: Script): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1");
    const quiet = setTimeout(() => socket.destroy(), LIMIT_MS);
    socket.setNoDelay(true);
    socket.on("connect", async () => {
      for (const piece of pieces) {
        if (!socket.write(piece)) break;
        await new Promise((next) => setImmediate(next));
      }
      if (end) socket.end();
      setTimeout(() => socket.destroy(), QUIET_MS);
    });
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => {}); // a server may refuse at any moment
    socket.on("close", () => {
      clearTimeout(quiet);
      resolve(Buffer.concat(chunks));
    });
  });
}

function http2(world: World, authority: string): fc.Arbitrary<Script> {
  const valid = fc.constantFrom(...validFrames(world, authority));
  const odd: fc.Arbitrary<Frame> = fc.record({
    type: fc.nat({ max: 12 }),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 9, 0x0c, 0x20, 0x25, 0xff),
    stream: fc.constantFrom(0, 1, 2, 3, 5, 7, 0x7fffffff, 0xffffffff),
    payload: fc.uint8Array({ maxLength: 64 }),
    length: fc.option(fc.constantFrom(0, 1, 8, 16_384, 16_385, 0xffffff), { nil: undefined, freq: 4 }),
  });
  const frame = fc.oneof({ weight: 3, arbitrary: valid }, { weight: 1, arbitrary: odd });
  return fc
    .record({
      preface: fc.oneof({ weight: 12, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      call: fc.constantFrom(...callsOf(world, authority)),
      before: fc.array(frame, { maxLength: 4 }),
      between: fc.array(frame, { maxLength: 2 }),
      after: fc.array(frame, { maxLength: 6 }),
      changes: fc.option(edits, { nil: [], freq: 1 }),
      end: fc.boolean(),
    })
    .map(({ preface, call: [head, ...rest], before, between, after, changes, end }) => {
      const all = [...before, ...(head ? [head] : []), ...between, ...rest, ...after].map(encodeFrame);
      const spoilt = edited(Buffer.concat(all), changes);
      return { pieces: [...(preface ? [PREFACE, SETTINGS] : []), ...split(spoilt)], end };
    });
}

const SETTINGS = encodeFrame({ type: FRAME.settings, flags: 0, stream: 0, payload: new Uint8Array() });

function callsOf(world: World, authority: string): readonly (readonly Frame[])[] {
  return world.requests.flatMap(({ path, message }, at) =>
    ["application/grpc", "application/grpc-web+proto", "application/proto", "application/json"].map((type) => {
      const stream = 1 + 2 * at;
      const body = type.includes("grpc") ? framed(message) : message;
      const headers = {
        type: FRAME.headers,
        flags: FLAG.endHeaders,
        stream,
        payload: headersOf(path, authority, type),
      };
      return [headers, { type: FRAME.data, flags: FLAG.endStream, stream, payload: body }];
    }),
  );
}

function headersOf(path: string, authority: string, contentType: string): Buffer {
  const pseudo = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", authority],
  ] as const;
  return encodeHeaders([...pseudo, ["content-type", contentType], ["te", "trailers"]]);
}

function validFrames(world: World, authority: string): readonly Frame[] {
  const [head, body] = callsOf(world, authority)[0] ?? [];
  const word = (...values: number[]): Uint8Array => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [at, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * at);
    return bytes;
  };
  const tinyWindow = Buffer.concat([Buffer.from([0, 4]), word(0)]);
  const trailers = encodeHeaders([["grpc-status", "0"]]);
  const none = new Uint8Array();
  return [
    ...(head && body ? [head, body, { ...head, stream: 3 }, { ...body, flags: 0 }, { ...head, flags: 0 }] : []),
    { type: FRAME.headers, flags: FLAG.endHeaders | FLAG.endStream, stream: 1, payload: trailers },
    { type: FRAME.data, flags: FLAG.none, stream: 1, payload: framed(new Uint8Array(), 1) },
    { type: FRAME.data, flags: FLAG.none, stream: 1, payload: Buffer.from([0, 0xff, 0xff, 0xff, 0xff]) },
    { type: FRAME.data, flags: FLAG.endStream, stream: 1, payload: none },
    { type: FRAME.reset, flags: 0, stream: 1, payload: word(8) },
    { type: FRAME.ping, flags: 0, stream: 0, payload: word(1, 2) },
    { type: FRAME.settings, flags: 0, stream: 0, payload: tinyWindow },
    { type: FRAME.settings, flags: 1, stream: 0, payload: none },
    { type: FRAME.windowUpdate, flags: 0, stream: 0, payload: word(0x7fffffff) },
    { type: FRAME.windowUpdate, flags: 0, stream: 1, payload: word(0) },
    { type: FRAME.goAway, flags: 0, stream: 0, payload: word(0, 0) },
    { type: FRAME.priority, flags: 0, stream: 1, payload: Buffer.concat([word(1), Buffer.from([255])]) },
    { type: FRAME.continuation, flags: FLAG.endHeaders, stream: 1, payload: trailers },
  ];
}

function http1(world: World, host: string): fc.Arbitrary<Script> {
  const requests = world.requests.flatMap(({ path, message }) => http1Requests(path, host, message));
  return fc
    .record({
      requests: fc.array(fc.constantFrom(...requests), { minLength: 1, maxLength: 3 }),
      changes: fc.option(edits, { nil: [], freq: 2 }),
      end: fc.boolean(),
    })
    .map(({ requests: chosen, changes, end }) => ({ pieces: split(edited(Buffer.concat(chosen), changes)), end }));
}

function http1Requests(path: string, host: string, message: Uint8Array): readonly Buffer[] {
  const request = (type: string, body: Uint8Array, more = ""): Buffer => {
    const head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ${type}\r\n${more}`;
    return Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body]);
  };
  const chunked = (type: string, body: Uint8Array): Buffer => {
    const head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const chunks = split(body).map((part) =>
      Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]),
    );
    return Buffer.concat([Buffer.from(head), ...chunks, Buffer.from("0\r\n\r\n")]);
  };
  const envelope = framed(message);
  const endOfStream = framed(Buffer.from("{}"), 2);
  const trailers = framed(Buffer.from("grpc-status: 0\r\n"), 0x80);
  return [
    request("application/proto", message),
    request("application/json", Buffer.from('{"resource":{"@type":"type.googleapis.com/nope"}}')),
    request("application/grpc-web+proto", Buffer.concat([envelope, trailers])),
    request("application/grpc-web-text", Buffer.from(envelope.toString("base64"))),
    request("application/proto", message, "content-encoding: gzip\r\n"),
    chunked("application/connect+proto", Buffer.concat([envelope, endOfStream])),
    chunked("application/grpc-web+proto", envelope),
    Buffer.from(`GET ${path}?connect=v1&encoding=json&message=%7B%7D HTTP/1.1\r\nhost: ${host}\r\n\r\n`),
  ];
}

function split(bytes: Uint8Array): Uint8Array[] {
  const middle = Math.floor(bytes.length / 3);
  return [bytes.subarray(0, middle), bytes.subarray(middle)].filter(({ length }) => length > 0);
}
