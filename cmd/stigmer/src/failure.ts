/** What the process ends with, as style.md's table says. */
export const EXIT = {
  done: 0,
  failed: 1,
  misused: 2,
  /** Sign in, permission, or a decision that a person has not made. */
  refused: 3,
  unreachable: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** How a command ends when it does not end well: what happened, what to do next, and the process's exit code. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exit: ExitCode;
  /** One line for the user; empty where there is nothing to do. */
  readonly next: string;
  /** Further things that happened, each worth a line of its own before the next step. */
  readonly others: readonly string[];

  constructor(
    exit: ExitCode,
    message: string,
    next: string,
    options: { readonly others?: readonly string[]; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exit = exit;
    this.next = next;
    this.others = options.others ?? [];
  }
}

export function failed(message: string, next = ""): Failure {
  return new Failure(EXIT.failed, message, next);
}

export function misused(message: string, next = ""): Failure {
  return new Failure(EXIT.misused, message, next);
}

/** The user ended it by Ctrl-C. */
export function interrupted(message = "", next = ""): Failure {
  return new Failure(EXIT.interrupted, message, next);
}
