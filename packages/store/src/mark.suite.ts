import { expect } from "vitest";
import { MAX_MARK_BYTES } from "./identifiers.ts";
import type { Mark } from "./journal.ts";
import { expectRefusal, type Promised, stream, text, upTo } from "./samples.suite.ts";
import type { Batch } from "./store.ts";

const S = stream("s");

/** Appends one event for each list of marks. */
function marking(after: number, marks: readonly (readonly string[])[], key = S): Batch {
  const events = marks.map((_, at) => text(`${at}`));
  return {
    appends: [{ ...key, after, events, marks: marks.flatMap((keys, at) => keys.map((key) => ({ key, at }))) }],
  };
}

export function markSuite(promised: Promised): void {
  promised("finds an entry by its mark, after it was opened again too", async ({ store, reopen }) => {
    await store.commit(marking(0, [["a"], [], ["b", "c"]]));
    await store.commit(marking(3, [[], ["d"]]));

    for (const opened of [async () => store, reopen]) {
      const reader = await opened();
      expect(await Promise.all(["a", "b", "c", "d", "e"].map((mark) => reader.marked(S, mark)))).toEqual([
        ...[1, 3, 3, 5],
        undefined,
      ]);
    }
  });

  promised("finds the newest of the entries that share a mark, or the newest up to a sequence", async ({ store }) => {
    await store.commit(marking(0, [["m"], [], ["m"], ["other"]]));
    await store.commit({
      appends: [...(marking(4, [["m"]]).appends ?? []), ...(marking(5, [[], ["m"]]).appends ?? [])],
    });

    expect(await store.marked(S, "m")).toBe(7);
    const found = await Promise.all(upTo(9).map((bound) => store.marked(S, "m", bound)));
    expect(found).toEqual([undefined, 1, 1, 3, 3, 5, 5, 7, 7]);
    expect(await store.marked(S, "m", Number.MAX_SAFE_INTEGER)).toBe(7);
  });

  promised(
    "does not take a mark for one that it begins, nor for one of another stream or tenant",
    async ({ store }) => {
      const alike = ["m", "m\u0001", "m/1", "m0", "mm", "\uffff", "\u{10ffff}"];
      await store.commit(
        marking(
          0,
          alike.map((mark) => [mark]),
        ),
      );
      await store.commit(marking(0, [[], ["m"]], stream("s1")));
      await store.commit(marking(0, [[], [], ["m"]], { tenant: "t2", stream: "s" }));

      expect(await Promise.all(alike.map((mark) => store.marked(S, mark)))).toEqual(
        upTo(alike.length).map((at) => at + 1),
      );
      expect(await store.marked(stream("s1"), "m")).toBe(2);
      expect(await store.marked({ tenant: "t2", stream: "s" }, "m")).toBe(3);
      for (const absent of [
        stream("S"),
        stream("s\u0001"),
        { tenant: "t", stream: "s" },
        { tenant: "t2", stream: "s1" },
      ]) {
        expect(await store.marked(absent, "m")).toBeUndefined();
      }
    },
  );

  promised("marks nothing where the commit is refused, nor for a snapshot from before", async ({ store }) => {
    await store.commit(marking(0, [["m"]]));
    await using snapshot = store.snapshot();

    await expectRefusal(() => store.commit(marking(7, [["m"], ["n"]])), "VERSION_MOVED");
    await store.commit(marking(1, [["m"], ["o"]]));

    expect(await snapshot.marked(S, "m")).toBe(1);
    expect(await snapshot.marked(S, "o")).toBeUndefined();
    expect(await store.marked(S, "n")).toBeUndefined();
  });

  promised("takes a mark of the greatest length, and tells it from one that ends otherwise", async ({ store }) => {
    const long = "𝄞".repeat(MAX_MARK_BYTES / 4 - 1);

    await store.commit(marking(0, [[`${long}aaaa`], [`${long}aaab`]]));

    expect(await store.marked(S, `${long}aaaa`)).toBe(1);
    expect(await store.marked(S, `${long}aaab`)).toBe(2);
    expect(await store.marked(S, long)).toBeUndefined();
  });

  promised("refuses marks that are no identifiers, and marks of no event", async ({ store }) => {
    const texts = ["", "nul\0", "\ud800", "x".repeat(MAX_MARK_BYTES + 1), "é".repeat(600)];
    const marks: readonly Mark[] = [
      ...texts.map((key) => ({ key, at: 0 })),
      ...[-1, 2, 0.5].map((at) => ({ key: "m", at })),
    ];

    for (const mark of marks) {
      const append = { ...S, after: 0, events: [text("a"), text("b")], marks: [{ key: "fine", at: 1 }, mark] };
      const fault = await expectRefusal(() => store.commit({ appends: [append] }), "INVALID_REQUEST");
      const field = mark.key === "m" ? "at" : "key";
      expect(fault.violations.map((violation) => violation.field)).toEqual([`appends[0].marks[1].${field}`]);
    }
    for (const bad of texts) await expectRefusal(() => store.marked(S, bad), "INVALID_REQUEST");
    for (const bound of [-1, 0.5]) await expectRefusal(() => store.marked(S, "m", bound), "INVALID_REQUEST");
    expect(store.revision()).toBe(0);
  });
}
