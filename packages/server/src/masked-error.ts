import { Fault, isFault } from "@stigmer/base";

/** The error as clients may see it: a fault's words, facts and violations are masked. Its cause stays for the log. */
export function maskedError(error: unknown, mask: (text: string) => string): unknown {
  if (!isFault(error)) return error;
  const { kind, reason, message, facts, violations, preconditions, retryAfterMs, cause } = error;
  const shown = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, mask(value)]));
  return new Fault(kind, reason, shown, {
    ...{ cause, message: mask(message) },
    violations: violations.map(({ field, description }) => ({ field, description: mask(description) })),
    preconditions: preconditions.map((one) => ({ ...one, description: mask(one.description) })),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
