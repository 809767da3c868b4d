import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetAgentRequestSchema } from "@stigmer/contracts/agentic";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type AgentsServer, GET, startAgents, WATCH } from "./agents-server.fake.ts";
import { call, frame, GRPC, statusOf, withSession } from "./grpc-clients.fake.ts";
import {
  END_HEADERS,
  END_STREAM,
  flood,
  headerBlock,
  http2Frame,
  openHttp2,
  PREFACE,
  TYPE,
} from "./http2-frames.fake.ts";

/** The server under test serves others all the while, and holds no more than it should. */

const MIB = 1024 * 1024;
const get = (id: string): Buffer => frame(toBinary(GetAgentRequestSchema, create(GetAgentRequestSchema, { id })));
const REQUEST = headerBlock({ ":method": "POST", ":path": GET, ":scheme": "http", ":authority": "localhost", ...GRPC });

let server: AgentsServer;

beforeEach(async () => {
  server = await startAgents({ patienceMs: 500, readMs: 200, stalledMs: 200 });
});
afterEach(() => server[Symbol.asyncDispose]());

/** Whether somebody else is served. */
async function othersAreServed(): Promise<boolean> {
  const { headers } = await withSession(server.port, (session) =>
    call(session, GET, { send: (stream) => stream.end(get("a")) }),
  );
  return headers["grpc-status"] === "0";
}

/** How much memory `run` leaves behind, or needs meanwhile, in MiB. */
async function growth(run: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  await run();
  return (process.memoryUsage().rss - before) / MIB;
}

it("serves others while 1,000 connections are open", async () => {
  const sockets: Socket[] = [];
  for (let at = 0; at < 1_000; at++)
    sockets.push(at % 2 ? connect(server.port, "127.0.0.1") : await openHttp2(server.port));
  await Promise.all(sockets.map((socket) => socket.connecting && once(socket, "connect")));

  expect(await othersAreServed()).toBe(true);

  for (const socket of sockets) socket.destroy();
});

it.each([
  ["a stream", WATCH, "endless", 20],
  ["a large answer", GET, "large-250000", 4],
])("ends %s that its client does not read", async (_, path, id, count) => {
  const grown = await growth(async () => {
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    const streams = Array.from({ length: count }, () => {
      const stream = session.request({ ":method": "POST", ":path": path, ...GRPC });
      stream.on("error", () => {}); // it is what is asked for
      stream.pause();
      stream.end(get(id));
      return stream;
    });
    await Promise.all(streams.map((stream) => once(stream, "close")));
    expect(streams.map(({ rstCode }) => rstCode)).toEqual(streams.map(() => 8));
    session.destroy();
  });

  expect(grown).toBeLessThan(100);
  expect(await othersAreServed()).toBe(true);
});

it("ends a stream whose client reads nothing at all, also where nothing waits to be sent", async () => {
  const socket = await openHttp2(server.port);
  const head = headerBlock({
    ":method": "POST",
    ":path": WATCH,
    ":scheme": "http",
    ":authority": "localhost",
    ...GRPC,
  });
  const [begun, aborted] = [server.next("begun"), server.next("aborted")];
  socket.write(http2Frame(TYPE.headers, END_HEADERS, 1, head));
  socket.write(http2Frame(TYPE.data, END_STREAM, 1, get("1x10 hang")));
  await begun;

  await aborted;

  expect(server.aborts).toMatchObject([{ reason: "CANCELLED" }]);
  expect(await othersAreServed()).toBe(true);
  socket.destroy();
});

it("leaves a stream alone whose client reads, however long nothing is sent", async () => {
  await withSession(server.port, async (session) => {
    const stream = session.request({ ":method": "POST", ":path": WATCH, ...GRPC });
    stream.on("error", () => {}); // it ends with its session
    stream.end(get("1x10 hang"));
    await once(stream, "data");
    for (let pings = 0; pings < 3; pings++) await once(session, "ping");

    expect(stream.destroyed).toBe(false);
  });
});

it("survives a client that goes amid a request, which nobody reads, behind one that is still served", async () => {
  const thrown: unknown[] = [];
  const note = (error: unknown): void => void thrown.push(error);
  process.on("uncaughtException", note);
  const [begun, aborted] = [server.next("begun"), server.next("aborted")];
  const socket = connect(server.port, "127.0.0.1");
  const head = (path: string, length: number): string =>
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  socket.write(`${head(GET, 13)}{"id":"hang"}${head(WATCH, 1000)}{"id":`);
  await begun;

  socket.destroy();
  await aborted;
  expect(await othersAreServed()).toBe(true);

  process.off("uncaughtException", note);
  expect(thrown).toEqual([]);
});

it("ends an answer over HTTP/1.1 that its client does not read", async () => {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {}); // being cut off is what is asked for
  const body = Buffer.from(JSON.stringify({ id: "large-250000" }));
  const head = `POST ${GET} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const one = Buffer.concat([Buffer.from(head), body]);
  for (let at = 0; at < 100; at++) socket.write(one);

  await new Promise<void>((resolve) => {
    const poke = setInterval(() => socket.write(one), 50);
    socket.once("close", () => {
      clearInterval(poke);
      resolve();
    });
  });

  expect(await othersAreServed()).toBe(true);
});

it("ends an answer for whose client no window is open", async () => {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 0 } });

  const { rstCode } = await call(session, GET, { send: (stream) => stream.end(get("a")) });

  expect(rstCode).toBe(8);
  expect(await othersAreServed()).toBe(true);
  session.destroy();
});

it("refuses more answers on a connection whose client leaves too many unread", async () => {
  const patient = await startAgents();
  const session = connectHttp2(`http://127.0.0.1:${patient.port}`, { settings: { initialWindowSize: 0 } });
  const unread = Array.from({ length: 4 }, () => {
    const stream = session.request({ ":method": "POST", ":path": GET, ...GRPC });
    stream.on("error", () => {}); // it ends with its session
    return stream.end(get("large-250000"));
  });
  await Promise.all(unread.map((stream) => once(stream, "response")));

  const { headers } = await call(session, GET, { send: (stream) => stream.end(get("large-250000")) });

  expect(statusOf(headers["grpc-status-details-bin"])?.reasons).toMatchObject([{ reason: "LIMIT_REACHED" }]);
  session.destroy();
  await patient[Symbol.asyncDispose]();
});

it("ends a request that comes byte by byte and not in time", async () => {
  const { headers } = await withSession(server.port, (session) =>
    call(session, GET, {
      send(stream) {
        const bytes = get("a".repeat(100));
        let at = 0;
        const poke = setInterval(() => stream.write(bytes.subarray(at, ++at)), 20);
        stream.once("close", () => clearInterval(poke));
      },
    }),
  );

  expect(headers["grpc-status"]).toBe("4");
});

it("ends a connection over HTTP/2 whose first frame comes byte by byte", async () => {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {}); // being cut off is what is asked for
  socket.resume();
  socket.write(PREFACE);
  const bytes = http2Frame(TYPE.settings, 0, 0, Buffer.alloc(600));
  let at = 0;
  const poke = setInterval(() => socket.write(bytes.subarray(at, ++at)), 20);

  await once(socket, "close");

  clearInterval(poke);
  expect(await othersAreServed()).toBe(true);
});

it("ends a connection that opens streams only to reset them", async () => {
  const grown = await growth(async () => {
    const socket = await openHttp2(server.port);
    socket.resume();
    await flood(
      socket,
      (at) => {
        const stream = 2 * at + 1;
        return Buffer.concat([
          http2Frame(TYPE.headers, END_HEADERS | END_STREAM, stream, REQUEST),
          http2Frame(TYPE.reset, 0, stream, Buffer.from([0, 0, 0, 8])),
        ]);
      },
      1_000_000,
    );
    expect(socket.destroyed).toBe(true);
  });

  expect(grown).toBeLessThan(100);
  expect(await othersAreServed()).toBe(true);
});

it("ends a connection whose headers never end", async () => {
  const grown = await growth(async () => {
    const socket = await openHttp2(server.port);
    socket.resume();
    socket.write(http2Frame(TYPE.headers, END_STREAM, 1, REQUEST));
    const more = headerBlock({ x: "y".repeat(100) });
    await flood(socket, () => http2Frame(TYPE.continuation, 0, 1, more), 1_000_000);
    expect(socket.destroyed).toBe(true);
  });

  expect(grown).toBeLessThan(100);
  expect(await othersAreServed()).toBe(true);
});

it.each([
  ["pings", http2Frame(TYPE.ping, 0, 0, Buffer.alloc(8))],
  ["settings", http2Frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff]))],
])("bounds what a flood of %s costs whose answers nobody reads", async (_, bytes) => {
  const many = Buffer.concat(Array.from({ length: 1_000 }, () => bytes));
  const grown = await growth(async () => {
    const socket = await openHttp2(server.port);
    const over = setTimeout(() => socket.destroy(), 3_000);
    await flood(socket, () => many, 10_000);
    clearTimeout(over);
    expect(await othersAreServed()).toBe(true);
    socket.destroy();
  });

  expect(grown).toBeLessThan(150);
});

it("ends a connection that grows a window beyond what there is", async () => {
  const socket = await openHttp2(server.port);
  socket.resume();
  const grow = http2Frame(TYPE.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  await flood(socket, () => grow, 10_000);

  await (socket.destroyed || once(socket, "close"));

  expect(await othersAreServed()).toBe(true);
});
