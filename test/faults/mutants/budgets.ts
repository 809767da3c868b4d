import { by, DAEMON, edit, type Mutant } from "./mutant.ts";

const X = "packages/execution/src";
const BUDGETS = "packages/gateway/src/budgets.ts";
const BUDGETS_TEST = by("packages/gateway/src/budgets.prop.test.ts", "never lets calls of one tree exceed a limit");
const LIMITS_TEST = `${DAEMON}/execution-limits.test.ts`;

/** What is spent stays within what may be, however many spend at the same time. */
export const BUDGET_MUTANTS: readonly Mutant[] = [
  {
    name: "a budget of which nothing is set aside",
    edits: [edit(BUDGETS, "planShare(leftOf(now, others), call,", "planShare(leftOf(now, []), call,")],
    caughtBy: [BUDGETS_TEST],
  },
  {
    name: "shares that are looked at after the journals",
    edits: [
      edit(
        BUDGETS,
        "  const others = [...tree.held];\n  const now = await levels();\n",
        "  const now = await levels();\n  const others = [...tree.held];\n",
      ),
    ],
    caughtBy: [BUDGETS_TEST],
  },
  {
    name: "a share that is given back before its outcome is recorded",
    edits: [
      edit(
        "packages/gateway/src/call-model.ts",
        "if (share) void step.outcome.then(share.release, share.release);",
        "share?.release();",
      ),
    ],
    caughtBy: [by("packages/gateway/src/call-model.test.ts", "when the outcome is recorded")],
  },
  {
    name: "a sub-agent that does not spend of its caller's budget",
    edits: [edit(`${X}/tree-usage.ts`, "...(await ancestorsOf(executions, ref, own))", "")],
    caughtBy: [by(LIMITS_TEST, "counts what its caller has used before")],
  },
  {
    name: "a caller that forgets what its sub-agents have spent",
    edits: [edit(`${X}/tree-usage.ts`, "  addUsage(sum, state.status.subAgentUsage);\n", "")],
    caughtBy: [by(LIMITS_TEST, "counts what sub-agents use to all that they work for")],
  },
  {
    name: "a deadline that forgets the work before a pause",
    edits: [edit(`${X}/executions.ts`, "now + limitMs - workedMs(state, now)", "now + limitMs")],
    caughtBy: [by(`${DAEMON}/max-duration.test.ts`, "adds up the times at work around a pause")],
  },
];
