import { createHash } from "node:crypto";
import { isFault } from "@stigmer/base";
import { expect } from "vitest";
import type { JournalEntry } from "./journal.ts";
import { expectRefusal, type Promised, stream, text, textOf, upTo } from "./samples.suite.ts";
import type { Store } from "./store.ts";

const S = stream("s");

export function journalSuite(promised: Promised): void {
  promised("appends events in order, without a gap", async ({ store, reopen }) => {
    await store.commit({ appends: [{ ...S, after: 0, events: [text("a"), text("b")] }] });
    await store.commit({ appends: [{ ...S, after: 2, events: [text("c")] }] });

    const again = await reopen();

    const entries = await again.read(S, { from: 1, limit: 10 });
    expect(entries.map(({ sequence, event }) => `${sequence} ${textOf(event)}`)).toEqual(["1 a", "2 b", "3 c"]);
    expect(await again.head(S)).toEqual({ sequence: 3, hash: entries[2]?.hash });
  });

  promised("chains entries by their hashes", async ({ store }) => {
    await store.commit({ appends: [{ ...S, after: 0, events: [text("a"), text(""), text("c".repeat(100_000))] }] });
    await store.commit({ appends: [{ ...S, after: 3, events: [text("d")] }] });

    const entries = await store.read(S, { from: 1, limit: 10 });

    expect(entries).toHaveLength(4);
    expectChain(entries, new Uint8Array());
  });

  promised("chains the first entry of a fork to what it is a fork of", async ({ store }) => {
    await store.commit({ appends: [{ ...S, after: 0, events: [text("a")] }] });
    const { hash: prevHash } = await store.head(S);

    await store.commit({ appends: [{ ...stream("fork"), after: 0, prevHash, events: [text("b"), text("c")] }] });

    expectChain(await store.read(stream("fork"), { from: 1, limit: 10 }), prevHash);
    const late = { ...S, after: 1, prevHash, events: [text("x")] };
    await expectRefusal(() => store.commit({ appends: [late] }), "INVALID_REQUEST");
  });

  promised("refuses an append anywhere but at the end", async ({ store }) => {
    await store.commit({ appends: [{ ...S, after: 0, events: [text("a"), text("b")] }] });

    for (const after of [0, 1, 3]) {
      const append = { ...S, after, events: [text("x")] };
      const fault = await expectRefusal(() => store.commit({ appends: [append] }), "VERSION_MOVED");
      expect(fault.kind).toBe("conflict");
      expect(fault.facts).toMatchObject({ current: "2", sent: `${after}` });
    }

    expect(await store.head(S)).toMatchObject({ sequence: 2 });
  });

  promised("refuses an append of nothing anywhere but at the end, too", async ({ store }) => {
    await expectRefusal(() => store.commit({ appends: [{ ...S, after: 1, events: [] }] }), "VERSION_MOVED");

    await store.commit({ appends: [{ ...S, after: 0, events: [] }] });

    expect(await store.head(S)).toEqual({ sequence: 0, hash: new Uint8Array() });
  });

  promised("lets the appends of a batch follow each other", async ({ store }) => {
    await store.commit({
      appends: [
        { ...S, after: 0, events: [text("a")] },
        { ...stream("other"), after: 0, events: [text("x")] },
        { ...S, after: 1, events: [text("b")] },
      ],
    });

    expectChain(await store.read(S, { from: 1, limit: 10 }), new Uint8Array());
    expect(await store.head(S)).toMatchObject({ sequence: 2 });
    expect(await store.head(stream("other"))).toMatchObject({ sequence: 1 });
  });

  promised("lets one of many appends at one end through, and leaves no gap", async ({ store }) => {
    await Promise.all(upTo(12).map((writer) => appendRetrying(store, `${writer}`)));

    const entries = await store.read(S, { from: 1, limit: 100 });

    expectChain(entries, new Uint8Array());
    expect(entries.map(({ event }) => Number(textOf(event))).sort((one, other) => one - other)).toEqual(upTo(12));
  });

  promised("reads from any sequence, as many as are asked for", async ({ store }) => {
    await store.commit({ appends: [{ ...S, after: 0, events: upTo(600).map((at) => text(`${at + 1}`)) }] });

    const ranges = [
      { from: 1, limit: 1 },
      { from: 590, limit: 5 },
      { from: 590, limit: 100 },
      { from: 2, limit: 400 },
      { from: 600, limit: 1 },
      { from: 601, limit: 10 },
      { from: 5_000, limit: 500 },
    ];

    for (const { from, limit } of ranges) {
      const wanted = upTo(600).slice(from - 1, from - 1 + limit);
      const found = await store.read(S, { from, limit });
      expect(found.map(({ sequence }) => sequence - 1)).toEqual(wanted);
      expect(found.map(({ event }) => Number(textOf(event)))).toEqual(wanted.map((at) => at + 1));
    }
  });

  promised("refuses ranges that begin before the first entry", async ({ store }) => {
    for (const range of [
      { from: 0, limit: 1 },
      { from: 1, limit: 0 },
      { from: 1.5, limit: 1 },
    ]) {
      await expectRefusal(() => store.read(S, range), "INVALID_REQUEST");
    }
  });

  promised("keeps streams apart whose names are alike", async ({ store }) => {
    await store.commit({ appends: [{ ...S, after: 0, events: [text("a")] }] });

    expect(await store.head(stream("s1"))).toMatchObject({ sequence: 0 });
    expect(await store.read(stream("S"), { from: 1, limit: 1 })).toEqual([]);
    expect(await store.read({ tenant: "t", stream: "s" }, { from: 1, limit: 1 })).toEqual([]);
  });
}

function expectChain(entries: readonly JournalEntry[], start: Uint8Array): void {
  let prevHash = Buffer.from(start);
  for (const [at, entry] of entries.entries()) {
    const sequence = Buffer.alloc(8);
    sequence.writeBigUInt64BE(BigInt(at + 1));
    const hash = createHash("sha256").update(prevHash).update(sequence).update(entry.event).digest();
    expect(entry.sequence).toBe(at + 1);
    expect(Buffer.compare(entry.prevHash, prevHash)).toBe(0);
    expect(Buffer.compare(entry.hash, hash)).toBe(0);
    prevHash = hash;
  }
}

async function appendRetrying(store: Store, event: string): Promise<void> {
  for (;;) {
    const { sequence: after } = await store.head(S);
    try {
      await store.commit({ appends: [{ ...S, after, events: [text(event)] }] });
      return;
    } catch (error) {
      if (!isFault(error, "VERSION_MOVED")) throw error;
    }
  }
}
