import type { ApprovalDecision, ApprovalScope } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";

/** What a person decided. */
export type Answer = {
  readonly decision: ApprovalDecision;
  readonly comment?: string;
  readonly scope?: ApprovalScope;
  readonly arguments?: string;
};

export type AskDeps = Pick<Deps, "stdin" | "stderr" | "env" | "processes" | "cwd">;
