import { isFault } from "@stigmer/base";
import type { Precondition, Row, RowContent, RowKey, Store } from "@stigmer/store";
import type { DataKey, MasterKey, Sealer } from "./port.ts";

/** Whose data key it is: one resource. */
export type KeyOwner = { readonly org: string; readonly kind: string; readonly id: string };

/** What a commit needs that stores what a data key seals; nothing where the key was there before. */
export type KeyStorage = { readonly puts: readonly RowContent[]; readonly preconditions: readonly Precondition[] };

/** A data key to seal with, and what stores it. */
export type SealingKey = { readonly key: DataKey } & KeyStorage;

export type Rotation = { readonly master: MasterKey; readonly dataKeys: number };

/** The data keys of resources. Every method but `known` and `resume` throws `SEALING_KEY_MISSING` where the master key is not at hand. */
export interface DataKeys {
  /** The key of a resource, made where there is none yet. */
  forSealing(owner: KeyOwner): Promise<SealingKey>;
  /** The key with which something of the resource is sealed. */
  forOpening(owner: KeyOwner): Promise<DataKey>;
  /** The master key in force; undefined before anything was sealed. */
  known(): Promise<MasterKey | undefined>;
  /** Throws unless what was sealed can be opened now. */
  check(): Promise<void>;
  /** Makes a new master key in the place of the old one, and wraps every data key with it. */
  rotate(): Promise<Rotation>;
  /** Finishes a rotation that broke off. */
  resume(): Promise<void>;
}

/** Data keys belong to no organization's own rows: a rotation reads all of them in one go. */
const TENANT = "~sealing";
const KEY_KIND = "data-key";
const MASTER: RowKey = { tenant: TENANT, kind: "master-key", id: "current" };
const PAGE = 500;
const MAX_TRIES = 16;

/** The row of a resource's data key. */
export function dataKeyRow({ org, kind, id }: KeyOwner): RowKey {
  return { tenant: TENANT, kind: KEY_KIND, id: `${org}/${kind}/${id}` };
}

/** Which master keys there are. While `previous` is there, data keys may still be wrapped by it; `retired` ones are to be removed. */
type Masters = { readonly current: MasterKey; readonly previous?: MasterKey; readonly retired?: readonly MasterKey[] };
const mastersInUse = ({ current, previous }: Masters): MasterKey[] => (previous ? [current, previous] : [current]);

type StoredMasters = { readonly masters: Masters; readonly version: number };
type Deps = { readonly store: Store; readonly sealer: Sealer };

export function createDataKeys(deps: Deps): DataKeys {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const result = turn.then(run, run);
    turn = result.catch(() => {});
    return result;
  };
  return {
    async forSealing(owner) {
      const row = await deps.store.get(dataKeyRow(owner));
      if (row) return { key: await openRow(deps, row), puts: [], preconditions: [] };
      return await newKey(deps, owner, (await readMasters(deps)) ?? (await inTurn(() => firstMasters(deps))));
    },
    async forOpening(owner) {
      const row = await deps.store.get(dataKeyRow(owner));
      if (!row) throw new Error(`the data key of ${owner.kind} ${owner.id} is gone`);
      return await openRow(deps, row);
    },
    known: async () => (await readMasters(deps))?.masters.current,
    async check() {
      const known = await readMasters(deps);
      for (const master of known ? mastersInUse(known.masters) : []) await deps.sealer.check(master);
    },
    rotate: () => inTurn(() => rotate(deps)),
    resume: () => inTurn(() => resume(deps)),
  };
}

/** A rotation that comes between makes the commit be planned again: no key is stored under a master key that goes away. */
async function newKey({ sealer }: Deps, owner: KeyOwner, { masters, version }: StoredMasters): Promise<SealingKey> {
  const at = dataKeyRow(owner);
  const { key, wrapped } = await sealer.newDataKey(masters.current, at.id);
  const put = { ...at, name: "", parent: "", labels: {}, bytes: pack(masters.current, wrapped) };
  return { key, puts: [put], preconditions: [{ row: MASTER, version }] };
}

async function openRow({ sealer }: Deps, row: Row): Promise<DataKey> {
  const { master, wrapped } = unpack(row.bytes);
  return await sealer.openDataKey(master, row.id, wrapped);
}

async function readMasters({ store }: Deps): Promise<StoredMasters | undefined> {
  const row = await store.get(MASTER);
  return row && { masters: JSON.parse(new TextDecoder().decode(row.bytes)) as Masters, version: row.version };
}

async function writeMasters({ store }: Deps, masters: Masters, version: number): Promise<StoredMasters> {
  const bytes = new TextEncoder().encode(JSON.stringify(masters));
  const put = { ...MASTER, name: "", parent: "", labels: {}, bytes };
  return { masters, version: await store.commit({ puts: [put] }, [{ row: MASTER, version }]) };
}

async function firstMasters(deps: Deps): Promise<StoredMasters> {
  const known = await readMasters(deps);
  if (known) return known;
  const current = await deps.sealer.makeMaster();
  try {
    return await writeMasters(deps, { current }, 0);
  } catch (error) {
    const others = isFault(error, "VERSION_MOVED") ? await readMasters(deps) : undefined;
    if (!others) throw error;
    await deps.sealer.removeMaster(current); // another backend on this store was quicker
    return others;
  }
}

/** The new key is kept before it is recorded, and the old one is removed after nothing needs it: it may break off anywhere. */
async function rotate(deps: Deps): Promise<Rotation> {
  await resume(deps);
  const known = (await readMasters(deps)) ?? (await firstMasters(deps));
  const { current: previous } = known.masters;
  await deps.sealer.check(previous);
  const current = await deps.sealer.makeMaster(previous.place);
  await writeMasters(deps, { current, previous }, known.version);
  return { master: current, dataKeys: await finish(deps) };
}

async function resume(deps: Deps): Promise<void> {
  if ((await readMasters(deps))?.masters.previous) await finish(deps);
  else await removeRetired(deps);
}

async function finish(deps: Deps): Promise<number> {
  const known = await readMasters(deps);
  if (!known?.masters.previous) return 0;
  const { current, previous } = known.masters;
  let count = 0;
  for await (const row of allKeys(deps.store)) count += await rewrapRow(deps, row, current);
  await writeMasters(deps, { current, retired: [previous] }, known.version);
  await removeRetired(deps);
  return count;
}

async function removeRetired(deps: Deps): Promise<void> {
  const known = await readMasters(deps);
  if (!known?.masters.retired) return;
  for (const master of known.masters.retired) await deps.sealer.removeMaster(master);
  await writeMasters(deps, { current: known.masters.current }, known.version);
}

/** How many rows were changed: none where the key is gone, or wrapped so already. */
async function rewrapRow({ store, sealer }: Deps, found: Row, to: MasterKey): Promise<number> {
  let row: Row | undefined = found;
  for (let count = 1; row; count++) {
    const { master: from, wrapped } = unpack(row.bytes);
    if (from.id === to.id) return 0;
    const bytes = pack(to, await sealer.rewrap({ from, to, owner: row.id }, wrapped));
    const { tenant, kind, id, name, parent, labels, version } = row;
    try {
      await store.commit({ puts: [{ tenant, kind, id, name, parent, labels, bytes }] }, [{ row, version }]);
      return 1;
    } catch (error) {
      if (!isFault(error, "VERSION_MOVED") || count === MAX_TRIES) throw error;
      row = await store.get(found);
    }
  }
  return 0;
}

async function* allKeys(store: Store): AsyncIterable<Row> {
  let after: string | undefined;
  do {
    const page = await store.page({ tenant: TENANT, kind: KEY_KIND }, { limit: PAGE, ...(after && { after }) });
    yield* page.rows;
    after = page.next;
  } while (after !== undefined);
}

/** A line of JSON that names the master key, then the wrapped key. */
function pack(master: MasterKey, wrapped: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify(master)}\n`), wrapped]);
}

function unpack(bytes: Uint8Array): { readonly master: MasterKey; readonly wrapped: Uint8Array } {
  const end = bytes.indexOf(0x0a);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  return { master: JSON.parse(text) as MasterKey, wrapped: bytes.subarray(end + 1) };
}
