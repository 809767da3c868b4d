import type { StoredAnswer } from "@stigmer/store";
import {
  blank,
  checksummed,
  LENGTH_BYTES,
  NUMBER_BYTES,
  putBytes,
  putFloat,
  putNumber,
  putRest,
  putText,
  seal,
  takeBytes,
  takeFloat,
  takeNumber,
  takeRest,
  takeText,
  textCapacity,
  trusted,
  unseal,
  written,
} from "./sealed.ts";

/**
 * What a commit moves besides its data: `revision` is that of the newest commit, changes up to `changesGone` and audit
 * records below `firstAudit` are no longer kept, and the next audit record gets the number `nextAudit`.
 */
export type StoreState = {
  readonly revision: number;
  readonly changesGone: number;
  readonly firstAudit: number;
  readonly nextAudit: number;
};

export const EMPTY_STATE: StoreState = { revision: 0, changesGone: 0, firstAudit: 0, nextAudit: 0 };

export type AnswerKey = { readonly tenant: string; readonly key: string };
export type FoundAnswer = StoredAnswer & { readonly revision: number };

/** The value of entries that say all in their key. */
export const NOTHING = new Uint8Array();

export function encodeState(state: StoreState): Buffer {
  const value = blank(4 * NUMBER_BYTES);
  putNumber(value, state.revision);
  putNumber(value, state.changesGone);
  putNumber(value, state.firstAudit);
  putNumber(value, state.nextAudit);
  return seal(value);
}

export function decodeState(value: Uint8Array): StoreState {
  const from = unseal(value);
  return {
    revision: takeNumber(from),
    changesGone: takeNumber(from),
    firstAudit: takeNumber(from),
    nextAudit: takeNumber(from),
  };
}

export function encodeCount(count: number): Buffer {
  const value = blank(NUMBER_BYTES);
  putNumber(value, count);
  return seal(value);
}

export function decodeCount(value: Uint8Array): number {
  return takeNumber(unseal(value));
}

export function encodeId(id: string): Buffer {
  const value = blank(textCapacity(id));
  putText(value, id);
  return seal(value);
}

export function decodeId(value: Uint8Array): string {
  return takeText(unseal(value));
}

/** A blob or an audit record: bytes that mean nothing here. */
export function encodeOpaque(bytes: Uint8Array): Buffer {
  const value = blank(bytes.length);
  putRest(value, bytes);
  return seal(value);
}

export function decodeOpaque(value: Uint8Array): Uint8Array {
  return takeRest(unseal(value));
}

/** The stored form of an answer, without its revision: `stampAnswer` sets that. */
export function encodeAnswer(answer: StoredAnswer): Buffer {
  const value = blank(2 * NUMBER_BYTES + LENGTH_BYTES + answer.digest.length + answer.bytes.length);
  putNumber(value, 0);
  putFloat(value, answer.expiresAt);
  putBytes(value, answer.digest);
  putRest(value, answer.bytes);
  return written(value);
}

/** Sets the revision of an encoded answer, in place. */
export function stampAnswer(value: Buffer, revision: number): Buffer {
  putNumber(trusted(value), revision);
  return checksummed(value);
}

export function decodeAnswer({ tenant, key }: AnswerKey, value: Uint8Array): FoundAnswer {
  const from = unseal(value);
  const revision = takeNumber(from);
  const expiresAt = takeFloat(from);
  return { tenant, key, revision, expiresAt, digest: takeBytes(from), bytes: takeRest(from) };
}
