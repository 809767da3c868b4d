import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { type Clock, silentLog, systemClock } from "@stigmer/base";
import {
  type AgentEvent,
  AgentQueryController,
  AgentSchema,
  ListAgentsRequestSchema,
  McpServerSchema,
  WatchAgentsRequestSchema,
} from "@stigmer/contracts/agentic";
import { WatchEventType as Type } from "@stigmer/contracts/commons";
import type { Handler } from "@stigmer/resource";
import { createKeys, createSealer, keyFiles } from "@stigmer/secrets";
import type { Store } from "@stigmer/store";
import { openFileBlobs, openLevelStore } from "@stigmer/store-leveldb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { compose } from "./compose.ts";
import { refused } from "./refused.fake.ts";

const MINUTE_MS = 60_000;

let dir: string;
let store: Store;
let handlers: readonly Handler[];
let passed = 0;
const clock: Clock = { now: () => Date.now(), monotonic: () => passed };
const client = new AbortController();

beforeEach(async () => {
  passed = 0;
  dir = mkdtempSync(join(tmpdir(), "stigmer-pace-"));
  store = await openLevelStore({ dir, clock: systemClock, log: silentLog });
  const blobs = await openFileBlobs({ dir, clock: systemClock, log: silentLog });
  const keys = createKeys(new Uint8Array(32));
  const sealer = createSealer({ files: keyFiles(dir) });
  const draining = new AbortController().signal;
  const options = { settings: () => ({}), env: () => undefined, scriptsDir: dir, log: silentLog, clock, draining };
  ({ handlers } = compose({ store, blobs, keys, sealer, ...options }));
});
afterEach(async () => {
  vi.useRealTimers();
  await store.close();
  rmSync(dir, { recursive: true });
});

it("ends a watch whose reader stops for too long while changes wait, with a token that goes on", async () => {
  const watch = watchAgents({ sendInitial: true });
  expect((await next(watch)).type).toBe(Type.BOOKMARK);
  await put("a");
  expect(nameIn(await next(watch))).toBe("a");

  await put("b");
  passed += MINUTE_MS + 1;
  const fault = await refused(watch.next());

  expect(fault).toMatchObject({ kind: "exhausted", reason: "READER_TOO_SLOW" });
  const again = watchAgents({ resumeToken: fault.facts.resume_token ?? "" });
  expect(nameIn(await next(again))).toBe("b");
});

it("bears with a reader that stops for long while nothing waits", async () => {
  const watch = watchAgents({ sendInitial: true });
  await next(watch);
  await put("a");
  await next(watch);

  passed += 10 * MINUTE_MS;
  const waiting = next(watch);
  await put("b");

  expect(nameIn(await waiting)).toBe("b");
});

it("ends a watch whose reader falls too many commits behind", async () => {
  const watch = watchAgents({ sendInitial: true });
  await next(watch);
  await put("a");
  await next(watch);

  const ids = Array.from({ length: 5_001 }, (_, at) => `b${at % 10}`);
  await Promise.all(ids.map((id) => put(id)));
  await Promise.all(ids.map((id) => put(id)));
  const fault = await refused(watch.next());

  expect(fault).toMatchObject({ kind: "exhausted", reason: "READER_TOO_SLOW" });
});

it("sends bookmarks whose token has moved on where only other kinds changed", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const watch = watchAgents({ sendInitial: true });
  const first = await next(watch);
  const waiting = next(watch);
  await vi.waitUntil(() => vi.getTimerCount() > 0);
  for (const name of ["x", "y", "z"]) await put(name, "McpServer");

  await vi.advanceTimersByTimeAsync(30_000);

  const bookmark = await waiting;
  expect(bookmark.type).toBe(Type.BOOKMARK);
  expect(bookmark.resumeToken).not.toBe(first.resumeToken);
  const { resumeToken } = await listAgents();
  expect(bookmark.resumeToken).toBe(resumeToken);
});

async function put(name: string, kind = "Agent"): Promise<void> {
  const id = `${kind}-${name}`;
  const schema = kind === "Agent" ? AgentSchema : McpServerSchema;
  const bytes = toBinary(schema, create(schema, { metadata: { id, name } }));
  await store.commit({ puts: [{ tenant: "local", kind, id, name, parent: "", labels: {}, bytes }] });
}

function callOf(method: Handler["method"]) {
  const caller = { subject: "tester", org: "local" };
  const more = { requestId: "r", idempotencyKey: undefined, fieldManager: undefined, signal: client.signal };
  return { method, caller, org: "local", ...more };
}

function handlerOf(method: { readonly name: string; readonly parent: { readonly typeName: string } }): Handler {
  const found = handlers.find(
    (one) => one.method.name === method.name && one.method.parent.typeName === method.parent.typeName,
  );
  if (!found) throw new Error(`nothing serves ${method.name}`);
  return found;
}

function watchAgents(request: {
  readonly sendInitial?: boolean;
  readonly resumeToken?: string;
}): AsyncIterator<Message> {
  const handler = handlerOf(AgentQueryController.method.watch);
  if (handler.shape !== "stream") throw new Error("not a stream");
  return handler.run(create(WatchAgentsRequestSchema, request), callOf(handler.method))[Symbol.asyncIterator]();
}

async function listAgents(): Promise<{ readonly resumeToken: string }> {
  const handler = handlerOf(AgentQueryController.method.list);
  if (handler.shape !== "unary") throw new Error("not unary");
  return (await handler.run(create(ListAgentsRequestSchema, {}), callOf(handler.method))) as never;
}

async function next(watch: AsyncIterator<Message>): Promise<AgentEvent> {
  const { value } = await watch.next();
  return value as AgentEvent;
}

const nameIn = (event: AgentEvent): string | undefined => event.object?.metadata?.name;
