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
