import type { Store } from "@stigmer/store";
import { expect, it } from "vitest";
import { agent, firstLine, makeFolder, type StoreChild, spawnStore } from "./folder.suite.ts";

const WRITERS = [0, 1, 2, 3];

it.each([1, 60, 1_500])("holds what was acknowledged, whole, after a kill at commit %i", async (count) => {
  await using folder = await makeFolder();
  await using child = spawnStore(folder.dir, "write");
  await firstLine(child);
  const acknowledged = await killAfter(child, count);

  await using store = await folder.open();

  expect(acknowledged.length).toBeGreaterThanOrEqual(count);
  for (const { revision, id } of acknowledged) expect(await store.get(agent(id))).toMatchObject({ version: revision });
  for (const writer of WRITERS) await expectWhole(store, writer);
});

async function killAfter(child: StoreChild, count: number): Promise<{ revision: unknown; id: string }[]> {
  const acknowledged: { revision: unknown; id: string }[] = [];
  for await (const { revision, id } of child.lines) {
    acknowledged.push({ revision, id: String(id) });
    if (acknowledged.length === count) await child.kill();
  }
  return acknowledged;
}

// Each commit puts a row and appends an entry, so a half commit would be one without the other.
async function expectWhole(store: Store, writer: number): Promise<void> {
  const stream = { tenant: "t", stream: `s${writer}` };
  const { sequence } = await store.head(stream);
  const last = await store.getByName({ tenant: "t", kind: "Agent", name: `w${writer}-${sequence - 1}` });
  expect(await store.read(stream, { from: 1, limit: 100_000 })).toHaveLength(sequence);
  expect(last !== undefined || sequence === 0).toBe(true);
  expect(await store.get(agent(`w${writer}-${sequence}`))).toBeUndefined();
}
