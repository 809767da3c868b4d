import type { LightClient } from "@stigmer/client/light";
import { EnvironmentQueryController, SealingKeyPlace as Place } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import { broken, type Finding, ok } from "./finding.ts";

const CALL_MS = 10_000;

/** Whether what is sealed can be opened. */
export async function checkSecrets(deps: Deps, client: LightClient): Promise<Finding> {
  const call = { signal: deps.interrupt, timeoutMs: CALL_MS };
  const { place, available, problem } = await client.service(EnvironmentQueryController).getSealingKey({}, call);
  if (place === Place.UNSPECIFIED) return ok("secrets", "nothing was sealed yet");
  const where = place === Place.KEYCHAIN ? "the key is in the keychain" : "the key is in a file of yours";
  if (available) return ok("secrets", where);
  const fix = place === Place.KEYCHAIN ? "unlock the keychain of your system" : "restore the file of the key";
  return broken("secrets", problem || `${where}, and can't be used`, `${fix}, then: stigmer doctor`);
}
