import type { ErrorReason } from "@stigmer/contracts/commons";

/** What went wrong, in the words of style.md; the server's error table turns each into one status code. */
export type FaultKind =
  | "invalid"
  | "unauthenticated"
  | "denied"
  | "notFound"
  | "exists"
  | "conflict"
  | "precondition"
  | "exhausted"
  | "expired"
  | "unavailable"
  | "unsupported"
  | "late"
  | "cancelled"
  | "internal";

/** A reason of `commons/error/v1`, without the enum's prefix. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** One field that breaks a rule; `field` is its path as a manifest writes it. */
export type Violation = { readonly field: string; readonly description: string };

/** One thing that must be otherwise before the call can succeed: what sort of thing, which one, and what to do about it. */
export type Unmet = { readonly type: string; readonly subject: string; readonly description: string };

export type FaultOptions = {
  readonly cause?: unknown;
  readonly message?: string;
  readonly violations?: readonly Violation[];
  readonly preconditions?: readonly Unmet[];
  /** When a retry makes sense, in milliseconds from now. */
  readonly retryAfterMs?: number;
};

/** The only error that code here throws on purpose. Facts are for clients, so no secret may be one. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly kind: FaultKind;
  readonly reason: Reason;
  readonly facts: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];
  readonly preconditions: readonly Unmet[];
  readonly retryAfterMs: number | undefined;

  constructor(kind: FaultKind, reason: Reason, facts: Record<string, unknown>, options: FaultOptions = {}) {
    const strings = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, String(value)]));
    super(
      options.message ?? describe(reason, strings),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.kind = kind;
    this.reason = reason;
    this.facts = strings;
    this.violations = options.violations ?? [];
    this.preconditions = options.preconditions ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

type Throwable = (reason: Reason, facts?: Record<string, unknown>, options?: FaultOptions) => Fault;

export const unauthenticated: Throwable = (reason, facts = {}, options) =>
  new Fault("unauthenticated", reason, facts, options);
export const denied: Throwable = (reason, facts = {}, options) => new Fault("denied", reason, facts, options);
export const notFound: Throwable = (reason, facts = {}, options) => new Fault("notFound", reason, facts, options);
export const exists: Throwable = (reason, facts = {}, options) => new Fault("exists", reason, facts, options);
export const conflict: Throwable = (reason, facts = {}, options) => new Fault("conflict", reason, facts, options);
export const precondition: Throwable = (reason, facts = {}, options) =>
  new Fault("precondition", reason, facts, options);
export const exhausted: Throwable = (reason, facts = {}, options) => new Fault("exhausted", reason, facts, options);
export const expired: Throwable = (reason, facts = {}, options) => new Fault("expired", reason, facts, options);
export const unavailable: Throwable = (reason, facts = {}, options) => new Fault("unavailable", reason, facts, options);
export const unsupported: Throwable = (reason, facts = {}, options) => new Fault("unsupported", reason, facts, options);
export const internal: Throwable = (reason, facts = {}, options) => new Fault("internal", reason, facts, options);

/** A request that is wrong whatever the state; every wrong field is named. */
export function invalid(violations: readonly Violation[], reason: Reason = "INVALID_REQUEST"): Fault {
  const message = violations
    .map(({ field, description }) => (field ? `${field}: ${description}` : description))
    .join("; ");
  return new Fault("invalid", reason, {}, { violations, message });
}

/** Whether `error` is a fault, and where a reason is given, whether it is that one. */
export function isFault(error: unknown, reason?: Reason): error is Fault {
  return error instanceof Fault && (reason === undefined || error.reason === reason);
}

function describe(reason: string, facts: Record<string, string>): string {
  const words = reason.toLowerCase().replaceAll("_", " ");
  const details = Object.entries(facts).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return [words, ...details].join(" ");
}
