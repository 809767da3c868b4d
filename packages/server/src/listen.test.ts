import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createRegistry } from "@bufbuild/protobuf";
import { afterEach, expect, it } from "vitest";
import { type Listener, type ListenOptions, listen } from "./listen.ts";

const limits = { maxMessageBytes: 1024, maxConnections: 2, maxConcurrentStreams: 8 };
const opened: Listener[] = [];

afterEach(async () => {
  for (const listener of opened.splice(0)) await listener.close(0);
});

it.each(["", "P", "PRI * HT"])("ends a connection that has said only %j when its time is over", async (start) => {
  const { port } = await open({ patienceMs: 30 });
  const socket = await connected(port);
  socket.resume();
  if (start) socket.write(start);

  await new Promise((resolve) => socket.once("close", resolve));

  expect(socket.destroyed).toBe(true);
});

it("ends a request over HTTP/1.1 whose headers don't end when its time is over", async () => {
  const { port } = await open({ patienceMs: 30 });
  const socket = await connected(port);
  socket.resume();
  socket.write("POST / HTTP/1.1\r\nhost: localhost\r\n");

  await new Promise((resolve) => socket.once("close", resolve));

  expect(socket.destroyed).toBe(true);
});

it("closes at once where nobody is connected, and after the time of grace where somebody stays", async () => {
  const listener = await open({});
  const socket = await connected(listener.port);
  socket.on("error", () => {}); // being cut off is what is asked for
  const gone = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();

  await listener.close(30);

  await gone;
  expect(socket.destroyed).toBe(true);
});

it("leaves out an address that the machine lacks, unless it is the first", async () => {
  const absent = "2001:db8::1";

  const listener = await open({ hosts: ["127.0.0.1", absent] });
  const refused = listen(options({ hosts: [absent, "127.0.0.1"] }));

  expect(listener.port).toBeGreaterThan(0);
  await expect(refused).rejects.toMatchObject({ reason: "LISTEN_FAILED", facts: { host: absent } });
});

it("refuses a port that is taken, and gives back what it had opened", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };

  const refused = listen(options({ hosts: ["127.0.0.1"], port }));

  await expect(refused).rejects.toMatchObject({ kind: "precondition", reason: "LISTEN_FAILED" });
  taken.close();
});

it("takes no more connections than it may", async () => {
  const { port } = await open({});
  const first = [await connected(port), await connected(port)];

  const third = await connected(port);
  third.on("error", () => {}); // so is being cut off
  third.resume();
  await new Promise((resolve) => third.once("close", resolve));

  expect(first.map(({ destroyed }) => destroyed)).toEqual([false, false]);
  for (const socket of first) socket.destroy();
});

async function open(over: Partial<ListenOptions>): Promise<Listener> {
  const listener = await listen(options(over));
  opened.push(listener);
  return listener;
}

function options(over: Partial<ListenOptions>): ListenOptions {
  const { signal: shutdown } = new AbortController();
  return { hosts: ["127.0.0.1"], port: 0, methods: [], registry: createRegistry(), limits, shutdown, ...over };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}
