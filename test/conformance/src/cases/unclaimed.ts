import { ask, labelOf, needsOf } from "../asking.ts";
import type { Case } from "../case.ts";
import { refused } from "../checks.ts";
import type { Claims } from "../claims.ts";
import { contractServices } from "../kinds.ts";

/** A service that is not claimed says so, whatever it is asked. */
export function unclaimedCases(claims: Claims): readonly Case[] {
  return contractServices
    .filter(({ typeName }) => !claims.claimed.includes(typeName))
    .flatMap(({ methods }) => methods)
    .map((method) => ({
      name: `${labelOf(method)} says that it is not claimed`,
      needs: needsOf(method),
      run: async (context) => void (await refused(ask(context, method, {}), "FEATURE_NOT_CLAIMED")),
    }));
}
