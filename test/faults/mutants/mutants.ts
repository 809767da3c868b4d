import { BUDGET_MUTANTS } from "./budgets.ts";
import { COMMIT_MUTANTS } from "./commits.ts";
import { LEASE_MUTANTS } from "./leases.ts";
import type { Mutant } from "./mutant.ts";
import { STEP_MUTANTS } from "./steps.ts";
import { SYNC_MUTANTS } from "./syncs.ts";

/** All of them. */
export const MUTANTS: readonly Mutant[] = [
  ...LEASE_MUTANTS,
  ...STEP_MUTANTS,
  ...COMMIT_MUTANTS,
  ...SYNC_MUTANTS,
  ...BUDGET_MUTANTS,
];
