import { clone } from "@bufbuild/protobuf";
import { type JournalEntry, JournalEntrySchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { journalOf } from "../backend.fake.ts";
import { disagreement } from "../commands/execution-verify.ts";
import { type Chain, EMPTY_CHAIN, entryHash, extend, hashText } from "./chain.ts";

const journal = journalOf(
  { event: { case: "created", value: { agent: "a" } } },
  { event: { case: "leaseGranted", value: { runner: "r" } } },
  { event: { case: "phaseChanged", value: { output: "x" } } },
);

describe("a chain", () => {
  it("holds over a journal that is whole", () => {
    const chain = check(journal);

    expect(chain).toEqual({ entries: 3, head: journal[2]?.hash, brokenAt: 0 });
  });

  it("is the hash that the contract says", () => {
    // printf '\0\0\0\0\0\0\0\001event' | sha256sum
    const hash = entryHash(new Uint8Array(), 1, new TextEncoder().encode("event"));

    expect(hashText(hash)).toBe("sha256:a0821443231d71a78283d156226a6e537570dfba80289df67b48ac29db9f7894");
  });

  it.each<[string, (entry: JournalEntry) => void]>([
    ["an event is changed", (entry) => entry.event.fill(7, 0, 1)],
    ["a hash is changed", (entry) => entry.hash.fill(0, 0, 1)],
    ["a link is changed", (entry) => entry.prevHash.fill(0, 0, 1)],
    [
      "a place is changed",
      (entry) => {
        entry.sequence = 9n;
      },
    ],
    [
      "an event is changed and its hash made anew",
      (entry) => {
        entry.event = new Uint8Array([1]);
        entry.hash = entryHash(new Uint8Array(), 2, entry.event);
      },
    ],
  ])("breaks where %s", (_, spoil) => {
    const spoiled = journal.map((entry) => structuredClone(clone(JournalEntrySchema, entry)));
    spoil(spoiled[1] as JournalEntry);

    expect(check(spoiled)).toMatchObject({ brokenAt: 2, entries: 1 });
  });

  it("breaks where an entry is missing", () => {
    expect(check([journal[0], journal[2]] as JournalEntry[]).brokenAt).toBe(2);
  });
});

describe("the backend's word", () => {
  const chain = check(journal);
  const head = chain.head;
  const word = { valid: true, entries: 3n, head, brokenAt: 0n };

  it.each([
    ["agrees with the entries", { chain, headThen: head }, word, undefined],
    [
      "agrees where the journal has grown since",
      { chain, headThen: journal[1]?.hash ?? head },
      { ...word, entries: 2n, head: journal[1]?.hash ?? head },
      undefined,
    ],
    [
      "counts for nothing where the entries are broken",
      { chain: { ...chain, brokenAt: 2 }, headThen: head },
      word,
      "the journal is broken at sequence 2",
    ],
    [
      "counts where it says that they are broken",
      { chain, headThen: head },
      { ...word, valid: false, brokenAt: 3n },
      "the backend says that the journal is broken at sequence 3",
    ],
    [
      "is not enough for entries that it does not send",
      { chain, headThen: head },
      { ...word, entries: 4n },
      "the journal ends at sequence 3, but the backend has counted 4",
    ],
  ])("%s", (_, read, said, expected) => {
    expect(disagreement(read, said)).toBe(expected);
  });

  it("must name the head that the entries have", () => {
    expect(disagreement({ chain, headThen: head }, { ...word, head: new Uint8Array(32) })).toContain("has the hash");
  });
});

function check(entries: readonly JournalEntry[]): Chain {
  return entries.reduce(extend, EMPTY_CHAIN);
}
