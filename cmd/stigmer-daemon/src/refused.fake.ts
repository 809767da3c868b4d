import { Fault } from "@stigmer/base";

/** The fault that a call ends with; anything else, an answer included, fails the test. */
export async function refused(call: Promise<unknown>): Promise<Fault> {
  const outcome = await call.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome && outcome.error instanceof Fault) return outcome.error;
  throw new Error("the call was not refused", "error" in outcome ? { cause: outcome.error } : {});
}
