import { clone, fromBinary } from "@bufbuild/protobuf";
import type { Row } from "@stigmer/store";
import type { DataKeys, KeyOwner, KeyStorage } from "./data-keys.ts";
import { secretSlots, secretTexts } from "./fields/secret-slots.ts";
import type { Kind, Resource } from "./kind.ts";
import type { DataKey } from "./port.ts";
import { formatSealed, parseSealed, SEALED_MARK } from "./sealed-text.ts";

const NOTHING: KeyStorage = { puts: [], preconditions: [] };

/**
 * Seals what a request says, in place. A text that is the same as the one before keeps its sealed form, so that nothing
 * changes where nothing is new. What the answer holds belongs into the commit that stores the resource.
 */
export async function sealRequest(
  keys: DataKeys,
  kind: Kind,
  of: { readonly resource: Resource; readonly previous: Resource | undefined; readonly owner: KeyOwner },
): Promise<KeyStorage> {
  const slots = secretSlots(kind, of.resource).filter(({ get }) => get() !== "");
  if (slots.length === 0) return NOTHING;
  const { key, puts, preconditions } = await keys.forSealing(of.owner);
  const before = of.previous ? secretTexts(kind, of.previous) : new Map<string, string>();
  for (const { path, get, set } of slots) set(sealText(key, { path, text: get(), before: before.get(path) }));
  return { puts, preconditions };
}

/** Seals one text, or gives back its sealed form from before. */
function sealText(
  key: DataKey,
  { path, text, before = "" }: { readonly path: string; readonly text: string; readonly before?: string | undefined },
): string {
  const mac = key.mac(path, text);
  return parseSealed(before)?.mac === mac ? before : formatSealed({ mac, sealed: key.seal(path, text) });
}

/** The text that was sealed under a path. */
function openText(key: DataKey, path: string, text: string): string {
  const sealed = parseSealed(text)?.sealed;
  if (sealed === undefined) throw new Error(`${path} holds no sealed text`);
  return key.open(path, sealed);
}

/** Opens what is sealed in a row under these paths; one that holds nothing is left out. */
export async function openSecrets(
  { dataKeys }: { readonly dataKeys: DataKeys },
  kind: Kind,
  row: Row,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const texts = secretTexts(kind, fromBinary(kind.schema, row.bytes) as Resource);
  const wanted = paths.filter((path) => texts.has(path));
  if (wanted.length === 0) return new Map();
  const key = await dataKeys.forOpening({ org: row.tenant, kind: kind.options.kind, id: row.id });
  return new Map(wanted.map((path) => [path, openText(key, path, texts.get(path) ?? "")]));
}

/** Sensitive fields that are not set take the sealed texts that they had before. */
export function keepSealed(kind: Kind, next: Resource, previous: Resource): void {
  const slots = secretSlots(kind, next).filter(({ get }) => get() === "");
  if (slots.length === 0) return;
  const before = secretTexts(kind, previous);
  for (const { path, set } of slots) set(before.get(path) ?? "");
}

/** The resource as clients see it: without its sensitive texts. The one that is given stays as it is. */
export function concealed<R extends Resource>(kind: Kind, resource: R): R {
  if (!secretSlots(kind, resource).some(({ get }) => get() !== "")) return resource;
  const shown = clone(kind.schema, resource) as Resource as R;
  for (const { set } of secretSlots(kind, shown)) set("");
  return shown;
}

/** Whether a row may hold a sealed text. */
export function mayHoldSealed(kind: Kind, row: Pick<Row, "bytes">): boolean {
  if (!kind.holdsSecrets) return false;
  const { buffer, byteOffset, length } = row.bytes;
  return Buffer.from(buffer, byteOffset, length).includes(SEALED_MARK, 0, "latin1");
}
