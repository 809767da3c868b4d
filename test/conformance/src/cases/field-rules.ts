import type { DescMethod } from "@bufbuild/protobuf";
import { ask, claimedMethods, labelOf, needsOf } from "../asking.ts";
import { badInputs } from "../bad-inputs.ts";
import type { Case } from "../case.ts";
import { refused } from "../checks.ts";
import type { Claims } from "../claims.ts";

/** Every rule of every field of every request: a request that breaks it is refused, and the field is named. */
export function fieldRuleCases(claims: Claims): readonly Case[] {
  return claimedMethods(claims).flatMap(ofMethod);
}

function ofMethod(method: DescMethod): readonly Case[] {
  return badInputs(method.input).map(({ path, what, message }) => ({
    name: `${labelOf(method)} refuses ${path} ${what}`,
    needs: needsOf(method),
    spread: true,
    run: async (context) => void (await refused(ask(context, method, message()), "INVALID_REQUEST", path)),
  }));
}
