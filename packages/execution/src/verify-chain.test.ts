import { expect, it } from "vitest";
import { createTestJournals } from "./journal.fake.ts";
import { verifyChain } from "./verify-chain.ts";

const FORK = { event: { case: "created", value: { fork: { executionId: "parent", sequence: 2n } } } } as const;
const PHASE = { event: { case: "phaseChanged", value: {} } } as const;

it("accepts a fork that begins where it left its parent", async () => {
  const { journals, hashes } = withParent();
  journals.append("fork", FORK, hashes[1]);
  journals.append("fork", PHASE);

  expect(await verify(journals, "fork")).toMatchObject({ valid: true, entries: 2n, brokenAt: 0n });
});

it.each([
  ["at another entry of its parent", 0],
  ["with no entry before it", undefined],
])("refuses a fork that begins %s", async (_, at) => {
  const { journals, hashes } = withParent();
  journals.append("fork", FORK, at === undefined ? new Uint8Array() : hashes[at]);

  expect(await verify(journals, "fork")).toMatchObject({ valid: false, entries: 0n, brokenAt: 1n });
});

it("refuses a fork of an entry that its parent does not have", async () => {
  const { journals, hashes } = withParent();
  const event = { case: "created", value: { fork: { executionId: "parent", sequence: 9n } } } as const;
  journals.append("fork", { event }, hashes[1]);

  expect(await verify(journals, "fork")).toMatchObject({ valid: false, brokenAt: 1n });
});

it("takes a fork's beginning as it is where the parent's journal is gone", async () => {
  const { hashes } = withParent();
  const journals = createTestJournals();
  journals.append("fork", FORK, hashes[1]);

  expect(await verify(journals, "fork")).toMatchObject({ valid: true, entries: 1n });
});

it("refuses one that chains to something and is no fork", async () => {
  const { journals, hashes } = withParent();
  journals.append("other", { event: { case: "created", value: {} } }, hashes[1]);

  expect(await verify(journals, "other")).toMatchObject({ valid: false, brokenAt: 1n });
});

function withParent() {
  const journals = createTestJournals();
  const created = { event: { case: "created", value: {} } } as const;
  const hashes = [created, PHASE, PHASE].map((event) => journals.append("parent", event).hash);
  return { journals, hashes };
}

function verify(journals: ReturnType<typeof createTestJournals>, id: string) {
  return verifyChain(journals.store, { org: "local", id });
}
