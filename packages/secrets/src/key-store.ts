/** A place where master keys are kept, by their ids. */
export interface KeyStore {
  /** Keeps a key for good before it returns. */
  save(id: string, key: Uint8Array): Promise<void>;
  /** Undefined where there is no key of this id. */
  load(id: string): Promise<Uint8Array | undefined>;
  /** One that is not there is no error. */
  remove(id: string): Promise<void>;
}

/** The place can't be used now; the message says why, and what to do. */
export class PlaceAway extends Error {
  override readonly name = "PlaceAway";
}

/** The machine has no such place. */
export class NoPlace extends Error {
  override readonly name = "NoPlace";
}
