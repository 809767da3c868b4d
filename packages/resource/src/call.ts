import type { DescMethod } from "@bufbuild/protobuf";

/** Who calls. */
export type Caller = {
  /** Name for records: `created_by`, audit. */
  readonly subject: string;
  /** Organization that a request is about where it names none. */
  readonly org: string;
};

/** One call, as every stage behind authorization sees it. */
export type Call = IncomingCall & {
  /** Organization in force; the tenant whose data the call may touch. */
  readonly org: string;
};

/** One call, as it comes in. */
export type IncomingCall = {
  readonly method: DescMethod;
  readonly caller: Caller;
  readonly requestId: string;
  readonly idempotencyKey: string | undefined;
  /** Who sets the fields that a write sets, where the request's header `field-manager` says so; otherwise the caller does. */
  readonly fieldManager: string | undefined;
  /** Aborts when the client goes, the deadline passes or the backend stops. */
  readonly signal: AbortSignal;
};
