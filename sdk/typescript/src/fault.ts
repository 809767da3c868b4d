/** What the client's calls throw when a backend refuses. */
export type Fault = Error & {
  readonly kind: string;
  /** As in `commons/error/v1`, without the enum's prefix. */
  readonly reason: string;
  readonly facts: Readonly<Record<string, string>>;
};

/** The fault that an error is, or that a stream wrapped into one. By shape: two copies of the client may be installed. */
export function faultIn(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  if (isFault(error)) return error;
  return error.name === "ConnectError" ? faultIn(error.cause) : undefined;
}

function isFault(error: Error): error is Fault {
  return error.name === "Fault" && "kind" in error && "reason" in error && "facts" in error;
}
