import { gunzip } from "node:zlib";
import { malformed, tooLarge, unknownCompression } from "./protocol-faults.ts";

const HEAD_BYTES = 5;
const COMPRESSED = 1;
const EMPTY = Buffer.alloc(0);

/** The message of a request as it came: framed, perhaps packed. */
export type Frame = { readonly compressed: boolean; readonly bytes: Buffer };

/** Collects the one frame of a unary request. */
export interface FrameReader {
  /** Throws as soon as it is clear that the frame is too large, or that more than one comes. */
  add(chunk: Buffer): void;
  /** The frame, after the last chunk; throws where it is not whole. */
  end(): Frame;
}

export function createFrameReader(maxBytes: number): FrameReader {
  let seen: Buffer = EMPTY;
  let rest: Buffer[] = [];
  let size = 0;
  let length = -1;
  const readHead = (): void => {
    if (rest.length > 0) seen = Buffer.concat([seen, ...rest.splice(0)]);
    length = seen.readUInt32BE(1);
    if (length > maxBytes) throw tooLarge();
  };
  return {
    add(chunk) {
      size += chunk.length;
      if (seen.length === 0) seen = chunk;
      else rest.push(chunk);
      if (length < 0 && size >= HEAD_BYTES) readHead();
      if (length >= 0 && size > HEAD_BYTES + length) throw malformed();
    },
    end() {
      if (length < 0 || size !== HEAD_BYTES + length) throw malformed();
      const whole = rest.length > 0 ? Buffer.concat([seen, ...rest]) : seen;
      rest = [];
      return { compressed: ((whole[0] ?? 0) & COMPRESSED) !== 0, bytes: whole.subarray(HEAD_BYTES) };
    },
  };
}

/** The message's own bytes; refuses what would be too large unpacked before it is unpacked. */
export async function unpack(
  { compressed, bytes }: Frame,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  if (!compressed) return bytes;
  if (encoding === undefined) throw malformed();
  if (bytes.length === 0) return bytes;
  return await new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: maxBytes }, (error, plain) => {
      if (!error) return resolve(plain);
      reject((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? tooLarge() : malformed());
    });
  });
}

/** `gzip`, or undefined where messages come as they are. Throws for anything else. */
export function encodingOf(header: string | undefined): "gzip" | undefined {
  if (header === undefined || header === "identity") return undefined;
  if (header !== "gzip") throw unknownCompression(header);
  return header;
}

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** A `grpc-timeout` in milliseconds; undefined where there is none. Throws where it is none of gRPC's. */
export function timeoutOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  const ms = UNITS_MS[unit];
  if (digits === undefined || ms === undefined) throw malformed();
  return Number(digits) * ms;
}
