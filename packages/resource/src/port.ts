import type { Call, Caller } from "./call.ts";

/** What is asked of an authorizer: may this caller use this permission on this resource? */
export type Access = {
  readonly caller: Caller;
  /** `agent.create`. */
  readonly permission: string;
  /** Organization that the request names; empty where it names none. */
  readonly org: string;
  /** Id or name of the resource; empty where the organization itself is meant. */
  readonly resource: string;
};

/** Decides who may do what. */
export interface Authorizer {
  /** Throws `PERMISSION_DENIED`, `UNAUTHENTICATED`, or `RESOURCE_NOT_FOUND` where existence is a secret; else returns the organization that is meant. */
  authorize(access: Access): Promise<string> | string;
}

/** What is kept of a command. */
export type AuditRecord = {
  readonly time: number;
  readonly requestId: string;
  readonly subject: string;
  readonly method: string;
  readonly org: string;
  readonly resource: string;
  /** `ok`, or the reason of the refusal. */
  readonly outcome: string;
};

/** Keeps records of commands. */
export interface Auditor {
  /** The record of a command that is about to be committed, for the same batch. */
  encode(record: AuditRecord): Uint8Array;
  /** Keeps the record of a command that was refused or failed. Must not throw and need not wait. */
  refused(record: AuditRecord): void;
}

/** A resource, as what runs knows it. */
export type Needed = { readonly kind: string; readonly tenant: string; readonly id: string; readonly name: string };

/** Executions that are not finished, as a delete needs to know them. */
export interface RunningWork {
  /** Ids of those that need any of these resources, which are of one tenant. */
  on(resources: readonly Needed[]): Promise<readonly string[]>;
  /** Cancels one for the caller; one that has ended meanwhile is left as it is. */
  cancel(id: string, call: Call): Promise<void>;
}

/** What the backend's own keys are used for; each use has a key of its own. */
export type KeyUse = "page-token" | "watch-token" | "sensitive-digest" | "sensitive-value";

/** The backend's own keys. */
export interface Keys {
  /** HMAC-SHA-256 of the text's UTF-8. */
  mac(use: KeyUse, text: string): Uint8Array;
  /** Encrypts and authenticates. What is sealed can only be opened with the same `context`. */
  seal(use: KeyUse, plain: Uint8Array, context: string): Uint8Array;
  /** What was sealed; throws where it was changed, or sealed by another backend or in another context. */
  open(use: KeyUse, sealed: Uint8Array, context: string): Uint8Array;
}

/** Where master keys are kept. */
export type KeyPlace = "keychain" | "file";

/** Names a master key. */
export type MasterKey = { readonly place: KeyPlace; readonly id: string };

/** Master keys, and what is sealed under them. A method that needs a master key throws `SEALING_KEY_MISSING` where it is not at hand. */
export interface Sealer {
  /** Makes a master key and keeps it: in this place, or where there is none named, in the keychain if the machine has one. */
  makeMaster(place?: KeyPlace): Promise<MasterKey>;
  /** Removes a master key for good. One that is not there is no error. */
  removeMaster(master: MasterKey): Promise<void>;
  /** Throws unless the master key can be used. */
  check(master: MasterKey): Promise<void>;
  /** A new data key, and itself as it is stored: wrapped by the master key, and bound to its owner. */
  newDataKey(master: MasterKey, owner: string): Promise<{ readonly key: DataKey; readonly wrapped: Uint8Array }>;
  /** The data key that was wrapped by a master key for this owner. */
  openDataKey(master: MasterKey, owner: string, wrapped: Uint8Array): Promise<DataKey>;
  /** Wraps a data key with another master key. */
  rewrap(
    of: { readonly from: MasterKey; readonly to: MasterKey; readonly owner: string },
    wrapped: Uint8Array,
  ): Promise<Uint8Array>;
}

/** Seals texts of one owner. What is sealed under a path opens under that path only. */
export interface DataKey {
  seal(path: string, text: string): string;
  /** Throws where it was changed, or moved from another path or owner. */
  open(path: string, sealed: string): string;
  /** Tells whether two texts are the same, to nobody without the key. */
  mac(path: string, text: string): string;
}
