import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** HTTP/2 as no client's library would send it. */

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 } as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;

export function http2Frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block in which nothing is compressed. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** A connection that has begun HTTP/2, and reads nothing until it is resumed. */
export async function openHttp2(port: number, settings: Uint8Array = new Uint8Array()): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // being cut off is what is asked for
  await once(socket, "connect");
  socket.write(Buffer.concat([PREFACE, http2Frame(TYPE.settings, 0, 0, settings)]));
  return socket;
}

/** Writes the same bytes again and again, as quickly as they are taken, until the connection ends; at most `times`. */
export async function flood(socket: Socket, bytes: (at: number) => Uint8Array, times: number): Promise<void> {
  const closed = once(socket, "close");
  for (let at = 0; at < times && !socket.destroyed; at++) {
    if (!socket.write(bytes(at))) await Promise.race([once(socket, "drain"), closed]).catch(() => {});
  }
}
