import { expect } from "vitest";
import type { StreamKey, StreamSnapshot } from "./journal.ts";
import { expectRefusal, type Promised, stream, text, upTo } from "./samples.suite.ts";
import type { Batch, Reader } from "./store.ts";

const S = stream("s");

const snapshot = (sequence: number, of: string, key = S) => ({ ...key, sequence, bytes: text(of) });

/** Appends so many events, with snapshots in the same commit. */
function append(after: number, count: number, streamSnapshots: Batch["streamSnapshots"] = []): Batch {
  return { appends: [{ ...S, after, events: upTo(count).map((at) => text(`${at}`)) }], streamSnapshots };
}

export function streamSnapshotSuite(promised: Promised): void {
  promised("gives back a stream's snapshot as it was stored, and at most one", async ({ store, reopen }) => {
    expect(await store.streamSnapshot(S)).toBeUndefined();
    await store.commit(append(0, 3, [snapshot(3, "three")]));
    expect(await found(store, S)).toBe("3 three");

    await store.commit({ streamSnapshots: [snapshot(2, "")] });
    expect(await found(store, S)).toBe("2 ");
    await store.commit(append(3, 2, [snapshot(5, "x".repeat(100_000))]));

    expect(await found(await reopen(), S)).toBe(`5 ${"x".repeat(100_000)}`);
  });

  promised("takes a snapshot of what the same commit appends, and of nothing beyond", async ({ store }) => {
    for (const sequence of [3, 4, Number.MAX_SAFE_INTEGER]) {
      const fault = await expectRefusal(() => store.commit(append(0, 2, [snapshot(sequence, "x")])), "INVALID_REQUEST");
      expect(fault.kind).toBe("invalid");
      expect(fault.violations.map(({ field }) => field)).toEqual(["streamSnapshots[0].sequence"]);
    }
    expect(store.revision()).toBe(0);
    expect(await store.head(S)).toMatchObject({ sequence: 0 });

    await store.commit(append(0, 2, [snapshot(2, "two")]));
    await expectRefusal(() => store.commit({ streamSnapshots: [snapshot(3, "x")] }), "INVALID_REQUEST");

    expect(await found(store, S)).toBe("2 two");
  });

  promised("takes a snapshot at sequence 0 with the first entries of a fork", async ({ store }) => {
    await store.commit(append(0, 2));
    const { hash: prevHash } = await store.head(S);
    const fork = stream("fork");

    await store.commit({
      appends: [{ ...fork, after: 0, prevHash, events: [text("a")] }],
      streamSnapshots: [snapshot(0, "parent", fork)],
    });

    expect(await found(store, fork)).toBe("0 parent");
    expect(await store.streamSnapshot(S)).toBeUndefined();
  });

  promised("keeps the snapshots of streams and tenants apart", async ({ store }) => {
    const others = [stream("s1"), stream("S"), { tenant: "t2", stream: "s" }];
    const all = [S, ...others];
    await store.commit({
      appends: all.map((key) => ({ ...key, after: 0, events: [text("e")] })),
      streamSnapshots: others.map((key, at) => snapshot(1, `${at}`, key)),
    });

    expect(await Promise.all(all.map((key) => found(store, key)))).toEqual(["none", "1 0", "1 1", "1 2"]);
  });

  promised(
    "stores no stream's snapshot with a commit that is refused, and keeps those of a snapshot",
    async (opened) => {
      const { store } = opened;
      await store.commit(append(0, 2, [snapshot(1, "one")]));
      await using still = store.snapshot();

      await expectRefusal(() => store.commit(append(0, 1, [snapshot(2, "refused")])), "VERSION_MOVED");
      expect(await found(store, S)).toBe("1 one");
      await store.commit(append(2, 1, [snapshot(3, "three")]));

      expect(await found(still, S)).toBe("1 one");
    },
  );

  promised("lets the caller reuse the bytes of a stream's snapshot while a commit waits", async ({ store }) => {
    const reused = snapshot(1, "before");

    const committed = store.commit(append(0, 1, [reused]));
    reused.bytes.fill(0);
    await committed;

    expect(await found(store, S)).toBe("1 before");
  });

  promised("refuses snapshots of no sequence or no stream, and two of one stream", async ({ store }) => {
    const bad: readonly (StreamKey & StreamSnapshot)[] = [
      ...[-1, 0.5, Number.NaN].map((sequence) => snapshot(sequence, "x")),
      ...["", "nul\0"].map((name) => snapshot(0, "x", stream(name))),
      snapshot(0, "x", { tenant: "", stream: "s" }),
    ];

    for (const each of bad) await expectRefusal(() => store.commit({ streamSnapshots: [each] }), "INVALID_REQUEST");
    const twice = [snapshot(0, "x"), snapshot(0, "y")];
    await expectRefusal(() => store.commit({ streamSnapshots: twice }), "INVALID_REQUEST");
    expect(store.revision()).toBe(0);
  });
}

async function found(reader: Reader, key: StreamKey): Promise<string> {
  const stored = await reader.streamSnapshot(key);
  return stored === undefined ? "none" : `${stored.sequence} ${new TextDecoder().decode(stored.bytes)}`;
}
