import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog, systemClock } from "@stigmer/base";
import { createDataKeys, type KeyOwner } from "@stigmer/resource";
import type { Sealer } from "@stigmer/resource/port";
import { createSealer, keyFiles } from "@stigmer/secrets";
import type { Store } from "@stigmer/store";
import { openLevelStore } from "@stigmer/store-leveldb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const OWNERS: readonly KeyOwner[] = ["a", "b", "c"].map((id) => ({ org: "local", kind: "Environment", id }));
const PATH = "spec.secrets";
const TEXT = "a text that is sealed";

let dir: string;
let store: Store;
let sealed: ReadonlyMap<string, string>;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "stigmer-rotation-"));
  store = await openLevelStore({ dir: join(dir, "data"), clock: systemClock, log: silentLog });
  sealed = new Map(await Promise.all(OWNERS.map(async (owner) => [owner.id, await sealIn(owner)] as const)));
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const newSealer = (): Sealer => createSealer({ files: keyFiles(join(dir, "keys")) });

async function sealIn(owner: KeyOwner): Promise<string> {
  const { key, puts, preconditions } = await createDataKeys({ store, sealer: newSealer() }).forSealing(owner);
  await store.commit({ puts }, preconditions);
  return key.seal(PATH, TEXT);
}

/** Opens what was sealed, with a process that knows nothing yet. */
async function opened(): Promise<string[]> {
  const keys = createDataKeys({ store, sealer: newSealer() });
  return await Promise.all(
    OWNERS.map(async (owner) => (await keys.forOpening(owner)).open(PATH, sealed.get(owner.id) ?? "")),
  );
}

/** A process that ends at its `last` step that others see, before it or right after it. */
function mortal(
  last: number,
  when: "before" | "after",
): { readonly store: Store; readonly sealer: Sealer; readonly steps: () => number } {
  let count = 0;
  const step = async <T>(run: () => Promise<T> | T): Promise<T> => {
    count++;
    if (count > last || (count === last && when === "before")) throw new Error("the process has ended");
    const result = await run();
    if (count === last) throw new Error("the process has ended");
    return result;
  };
  const sealer = newSealer();
  return {
    store: { ...store, commit: (...batch) => step(() => store.commit(...batch)) },
    sealer: {
      ...sealer,
      makeMaster: (place) => step(() => sealer.makeMaster(place)),
      removeMaster: (master) => step(() => sealer.removeMaster(master)),
    },
    steps: () => count,
  };
}

const keyNames = (): string[] => readdirSync(join(dir, "keys"));

describe("a change of the sealing key", () => {
  it("leaves all that was sealed readable, and one key", async () => {
    const [before] = keyNames();
    const { dataKeys, master } = await createDataKeys({ store, sealer: newSealer() }).rotate();

    expect(dataKeys).toBe(3);
    expect(await opened()).toEqual([TEXT, TEXT, TEXT]);
    expect(keyNames()).toEqual([`${master.id}.key`]);
    expect(keyNames()).not.toEqual([before]);
  });

  it("that breaks off anywhere loses nothing, and is finished by the next start", async () => {
    const whole = mortal(Number.POSITIVE_INFINITY, "before");
    await createDataKeys(whole).rotate();
    expect(whole.steps()).toBeGreaterThan(6);

    for (let last = 1; last <= whole.steps(); last++) {
      for (const when of ["before", "after"] as const) {
        await expect(createDataKeys(mortal(last, when)).rotate()).rejects.toThrow("has ended");
        expect(await opened(), `${when} step ${last}`).toEqual([TEXT, TEXT, TEXT]);

        const next = createDataKeys({ store, sealer: newSealer() });
        await next.resume();
        await next.check();
        expect(await opened(), `${when} step ${last}, resumed`).toEqual([TEXT, TEXT, TEXT]);
        // A key that was made and never recorded seals nothing.
        const { id = "" } = (await next.known()) ?? {};
        for (const name of keyNames()) if (name !== `${id}.key`) rmSync(join(dir, "keys", name));
        expect(await opened(), `${when} step ${last}, with one key`).toEqual([TEXT, TEXT, TEXT]);
      }
    }
  });

  it("lets no key be stored under the one that goes away", async () => {
    const keys = createDataKeys({ store, sealer: newSealer() });
    const late = await keys.forSealing({ org: "local", kind: "Environment", id: "late" });
    await keys.rotate();

    await expect(Promise.resolve(store.commit({ puts: late.puts }, late.preconditions))).rejects.toMatchObject({
      reason: "VERSION_MOVED",
    });
  });

  it("is refused where the old key is away, and changes nothing", async () => {
    rmSync(join(dir, "keys"), { recursive: true });

    await expect(createDataKeys({ store, sealer: newSealer() }).rotate()).rejects.toMatchObject({
      reason: "SEALING_KEY_MISSING",
    });
  });
});

describe("what is sealed", () => {
  it.each([
    ["another owner", 1, PATH],
    ["another path", 0, "spec.other"],
  ])("does not open for %s", async (_, owner, path) => {
    const keys = createDataKeys({ store, sealer: newSealer() });
    const key = await keys.forOpening(OWNERS[owner] as KeyOwner);

    expect(() => key.open(path, sealed.get("a") ?? "")).toThrow(expect.objectContaining({ reason: "INTERNAL" }));
  });

  it("does not open where any byte is changed", async () => {
    const key = await createDataKeys({ store, sealer: newSealer() }).forOpening(OWNERS[0] as KeyOwner);
    const bytes = Buffer.from(sealed.get("a") ?? "", "base64url");

    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => key.open(PATH, changed.toString("base64url"))).toThrow();
    }
  });
});
