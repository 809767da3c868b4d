import { type Clock, silentLog } from "@stigmer/base";
import type { Store } from "@stigmer/store";
import { MemoryLevel } from "memory-level";
import { expect, it } from "vitest";
import { row } from "./folder.suite.ts";
import type { StoreLimits } from "./options.ts";
import { storeOver } from "./store-over.ts";

const DAY = 24 * 60 * 60 * 1_000;

async function open(limits: StoreLimits = {}) {
  const clock: Clock & { time: number } = { time: 0, now: () => clock.time, monotonic: () => clock.time };
  const level = new MemoryLevel<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
  const store = await storeOver(level, { clock, log: silentLog, ...limits });
  const count = async (prefix: string) => (await level.keys({ gte: `${prefix}\0`, lt: `${prefix}\x01` }).all()).length;
  return { clock, store, count };
}

async function commitMany(store: Store, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await store.commit({ puts: [row("a")], audits: [new Uint8Array(2)] });
}

it("keeps as many changes and audit records as it is told, and no more", async () => {
  const { store, count } = await open({ keepChanges: 20, keepAudits: 30 });

  await commitMany(store, 200);

  expect(await count("c")).toBe(20);
  expect(await count("u")).toBe(30);
});

it("drops all that is too much where one group brings more than it keeps", async () => {
  const { store, count } = await open({ keepChanges: 20, keepAudits: 20 });

  await Promise.all(Array.from({ length: 400 }, () => commitMany(store, 1)));
  await commitMany(store, 5);

  expect(await count("c")).toBe(20);
  expect(await count("u")).toBe(20);
});

it("drops answers whose time is over, and keeps the others", async () => {
  const { clock, store, count } = await open();
  const answer = (key: number, expiresAt: number) => ({
    tenant: "t",
    key: `k${key}`,
    digest: new Uint8Array(1),
    bytes: new Uint8Array(1),
    expiresAt,
  });
  await store.commit({ answers: Array.from({ length: 600 }, (_, at) => answer(at, DAY)) });
  await store.commit({ answers: [answer(1, 3 * DAY), answer(2, 3 * DAY)] });

  clock.time = 2 * DAY;
  await commitMany(store, 10);

  expect(await count("a")).toBe(2);
  expect(await count("x")).toBe(2);
  expect(await store.answer({ tenant: "t", key: "k1" })).toMatchObject({ expiresAt: 3 * DAY });
});
