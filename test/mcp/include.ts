import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** A scenario at a revision of the protocol. */
export type Case = { readonly scenario: string; readonly revision: string };

type Include = {
  readonly include: Readonly<Record<string, readonly string[]>>;
  readonly leftOut: readonly { readonly reason: string; readonly scenarios: readonly string[] }[];
};

const INCLUDE = fileURLToPath(new URL("include.yaml", import.meta.url));
export const BASELINE = fileURLToPath(new URL("baseline.yaml", import.meta.url));

/** What must pass, and the scenarios that are left out whole or at some revision. */
export function readInclude(): { readonly cases: readonly Case[]; readonly leftOut: ReadonlyMap<string, string> } {
  const { include, leftOut } = parse(readFileSync(INCLUDE, "utf8")) as Include;
  return {
    cases: Object.entries(include).flatMap(([revision, names]) => names.map((scenario) => ({ scenario, revision }))),
    leftOut: new Map(leftOut.flatMap(({ reason, scenarios }) => scenarios.map((name) => [name, reason]))),
  };
}
