import { faultIn } from "./fault.ts";

export type FailureOptions = {
  readonly cause?: unknown;
  /** Of a tool call: it surely never reached the tool, so another try has no second effect. */
  readonly notStarted?: boolean;
  /** With SIGN_IN_SCOPE_MISSING, the scopes that the server asks for, as far as it names them. */
  readonly missingScopes?: readonly string[];
};

/** Why an attempt or a tool call ends without an answer. A loop or a host throws it to choose what is reported. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** As in `commons/error/v1`, without the enum's prefix: `LIMIT_REACHED`. */
  readonly reason: string;
  readonly notStarted: boolean;
  readonly missingScopes: readonly string[];

  constructor(reason: string, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.notStarted = options.notStarted ?? false;
    this.missingScopes = options.missingScopes ?? [];
  }
}

/** What is reported for an error: its own reason where it is a failure or a fault, else INTERNAL. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const fault = faultIn(error);
  if (fault) return new Failure(fault.reason, fault.message, { cause: error });
  return new Failure("INTERNAL", error instanceof Error ? error.message : String(error), { cause: error });
}
