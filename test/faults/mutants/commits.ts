import { by, DAEMON, edit, type Mutant } from "./mutant.ts";

const X = "packages/execution/src";
const LEVEL = "packages/store-leveldb/src";
const ONE_COMMIT = `${DAEMON}/one-commit.test.ts`;
const APPROVALS = `${X}/approvals.ts`;
const GROUP = `${LEVEL}/group.ts`;
const STORE_TEST = `${LEVEL}/store-leveldb.test.ts`;

/** What is stored, stays; what follows from it is stored with it. */
export const COMMIT_MUTANTS: readonly Mutant[] = [
  {
    name: "a row of any version",
    edits: [edit(GROUP, "if (current !== wanted.version) throw", "if (current < 0) throw")],
    caughtBy: [by(STORE_TEST, "refuses a write when the version moved")],
  },
  {
    name: "a task of any epoch",
    edits: [
      edit(
        GROUP,
        "if (task?.epoch === wanted.epoch && task.holder === wanted.holder) return;",
        "if (task?.holder === wanted.holder) return;",
      ),
    ],
    caughtBy: [by(STORE_TEST, "fences who does not hold the lease")],
  },
  {
    name: "a task of any holder",
    edits: [
      edit(
        GROUP,
        "if (task?.epoch === wanted.epoch && task.holder === wanted.holder) return;",
        "if (task?.epoch === wanted.epoch) return;",
      ),
    ],
    caughtBy: [by(STORE_TEST, "fences who does not hold the lease")],
  },
  {
    name: "an answer stored over another",
    edits: [edit(GROUP, "} else if (answerIn(draft, wanted.noAnswer, now) !== undefined) {", "} else if (now < 0) {")],
    caughtBy: [by(STORE_TEST, "refuses a commit whose answer is stored already")],
  },
  {
    name: "a command that says nothing of its key in the commit",
    edits: [
      edit(
        "packages/resource/src/pipeline.ts",
        "return call.idempotencyKey ? [{ noAnswer: { tenant: call.org, key: call.idempotencyKey } }] : [];",
        "return call.idempotencyKey ? [] : [];",
      ),
    ],
    caughtBy: [by(`${DAEMON}/idempotency.test.ts`, "runs a command once, however often")],
  },
  {
    name: "a command that runs again with its key",
    edits: [
      edit(
        "packages/resource/src/pipeline.ts",
        "(await storedAnswer(deps, command)) ?? (await persist(deps, command, plan))",
        "await persist(deps, command, plan)",
      ),
      edit(
        "packages/resource/src/pipeline.ts",
        "return call.idempotencyKey ? [{ noAnswer: { tenant: call.org, key: call.idempotencyKey } }] : [];",
        "return call.idempotencyKey ? [] : [];",
      ),
    ],
    caughtBy: [by(`${DAEMON}/idempotency.test.ts`, "answers a repeated start of an execution")],
  },
  {
    name: "entries that do not follow those before",
    edits: [edit(`${LEVEL}/plan-journal.ts`, "if (head.sequence !== after) throw", "if (after < 0) throw")],
    caughtBy: [by(STORE_TEST, "refuses an append anywhere but at the end")],
  },
  {
    name: "an approval decided twice",
    edits: [edit(APPROVALS, "...all.map((one) => ({ row: one.row, version: one.row.version })),", "")],
    caughtBy: [by(ONE_COMMIT, "do not both decide an approval")],
  },
  {
    name: "an approval decided anew",
    edits: [
      edit(APPROVALS, "if (before !== ApprovalDecision.UNSPECIFIED) throw decided(", "if (before < 0) throw decided("),
    ],
    caughtBy: [by(`${DAEMON}/tool-calls.test.ts`, "is decided once")],
  },
  {
    name: "an approval decided when its time is over",
    edits: [edit(APPROVALS, "  if (isOver(deps, approval)) throw", "  if (isOver(deps, approval) && before) throw")],
    caughtBy: [by(`${DAEMON}/approvals.test.ts`, "can't be decided any more")],
  },
  {
    name: "a decision that wakes nobody",
    edits: [
      edit(
        `${X}/going-on.ts`,
        "[...decided, pending]), { tasks: [task] });",
        "[...decided, pending]), { tasks: [task].slice(1) });",
      ),
    ],
    caughtBy: [{ worlds: 8 }, by(ONE_COMMIT, "an execution goes on about which a person has decided")],
  },
  {
    name: "an answer of a user that wakes nobody",
    edits: [edit(`${X}/provide-input.ts`, "batch: { tasks: [dueTask(ref, state, deps.resources.clock.now())] },", "")],
    caughtBy: [by(ONE_COMMIT, "an execution goes on that a user has answered")],
  },
  {
    name: "a retry that wakes nobody",
    edits: [
      edit(
        `${X}/retry-execution.ts`,
        "mergeBatches(session.batch, { tasks: [dueTask(ref, state, deps.resources.clock.now())] })",
        "session.batch",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "an execution goes on that is retried")],
  },
  {
    name: "a resume that wakes nobody",
    edits: [
      edit(
        `${X}/pause-execution.ts`,
        "isDue ? deps.resources.clock.now() : undefined",
        "isDue ? undefined : undefined",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "an execution goes on that is resumed")],
  },
  {
    name: "a start that wakes nobody",
    edits: [
      edit(
        `${X}/start-execution.ts`,
        "{ puts: [row, sessionRow, ...storage.puts], tasks: [task] }",
        "{ puts: [row, sessionRow, ...storage.puts], tasks: [task].slice(1) }",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "an execution that it started is handed out")],
  },
  {
    name: "an end that wakes nobody in its session",
    edits: [
      edit(
        `${X}/session-queue.ts`,
        "batch: { puts: [toRow(kind, ref.org, session)], ...woken },",
        "batch: { puts: [toRow(kind, ref.org, session)], ...(woken && {}) },",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "the next of a session has its turn")],
  },
  {
    name: "an end that wakes nobody in its session but after its commit",
    edits: [
      edit(
        `${X}/session-queue.ts`,
        "batch: { puts: [toRow(kind, ref.org, session)], ...woken },",
        "batch: (setTimeout(() => void deps.resources.store.commit(woken).catch(() => {}), 50), { puts: [toRow(kind, ref.org, session)] }),",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "the next of a session has its turn")],
  },
  {
    name: "an end of a sub-agent that wakes nobody",
    edits: [
      edit(
        `${X}/ending.ts`,
        "batch: mergeBatches(batch, { tasks: [task] }, above.batch),",
        "batch: mergeBatches(batch, above.batch),",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "an execution goes on whose sub-agent has ended")],
  },
  {
    name: "a sub-agent that is not started by the commit that says so",
    edits: [
      edit(
        "packages/capability/src/delegate.ts",
        "phase: Phase.RUNNING, batch, preconditions }",
        "phase: Phase.RUNNING, preconditions: preconditions.slice(9) }",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "a sub-agent works for whom it was started")],
  },
  {
    name: "a sub-agent that is started by a commit before",
    edits: [
      edit(
        "packages/capability/src/delegate.ts",
        "  const started = create(SubAgentStartedSchema",
        "  await deps.resources.store.commit(batch, preconditions);\n  const started = create(SubAgentStartedSchema",
      ),
      edit(
        "packages/capability/src/delegate.ts",
        "phase: Phase.RUNNING, batch, preconditions }",
        "phase: Phase.RUNNING }",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "starts no sub-agent")],
  },
  {
    name: "an approval that is asked for by a commit before",
    edits: [
      edit(
        `${X}/ask-people.ts`,
        "  const ancestors = await ancestorsOf(deps.executions, ref, state);",
        "  await deps.resources.store.commit(mergeBatches(...approvals.map(({ batch }) => batch)));\n  const ancestors = await ancestorsOf(deps.executions, ref, state);",
      ),
      edit(
        `${X}/ask-people.ts`,
        "batch: mergeBatches(...approvals.map(({ batch }) => batch), above.batch),",
        "batch: above.batch,",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "asks nobody")],
  },
  {
    name: "an approval that has no timer",
    edits: [
      edit(
        `${X}/ask-people.ts`,
        "puts: [toRow(kind, ref.org, approval as Resource)], tasks: timers }",
        "puts: [toRow(kind, ref.org, approval as Resource)], tasks: timers.slice(9) }",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "an approval that was asked for has its time")],
  },
  {
    name: "a cancel that has no timer",
    edits: [
      edit(
        `${X}/cancel-execution.ts`,
        "tasks: [timerTask(cancelTimer(ref), dueAt)] },",
        "tasks: [timerTask(cancelTimer(ref), dueAt)].slice(1) },",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "an execution that is being cancelled ends in time")],
  },
  {
    name: "a session's row of any version at an end",
    edits: [
      edit(
        `${X}/session-queue.ts`,
        "...woken },\n    preconditions: [{ row, version: row.version }],",
        "...woken },\n    preconditions: [],",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "do not lose an execution that joins a session")],
  },
  {
    name: "a session's row of any version at a start",
    edits: [
      edit(
        `${X}/start-execution.ts`,
        "preconditions: [{ row, version: 0 }, bound.precondition, ...storage.preconditions],",
        "preconditions: [{ row, version: 0 }, ...storage.preconditions],",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "do not let an execution wait for one that has ended")],
  },
  {
    name: "a session's row of any version at a retry",
    edits: [
      edit(
        `${X}/retry-execution.ts`,
        "batch: { puts: [toRow(kind, ref.org, session)] }, preconditions: [{ row, version: row.version }] };",
        "batch: { puts: [toRow(kind, ref.org, session)] }, preconditions: [] };",
      ),
    ],
    caughtBy: [by(ONE_COMMIT, "do not retry what another goes on from")],
  },
  {
    name: "a resume out of turn",
    edits: [edit(`${X}/pause-execution.ts`, " && (await hasTurn(deps, ref, state));", ";")],
    caughtBy: [by(`${DAEMON}/pause.test.ts`, "waits on where it is resumed before its turn")],
  },
  {
    name: "an approval for many that covers a call whose outcome was lost",
    edits: [edit(APPROVALS, " && spec?.cause === ApprovalCause.POLICY;", " && spec !== undefined;")],
    caughtBy: [by(`${DAEMON}/taken-over.test.ts`, "whose outcome was lost is asked about for itself")],
  },
  {
    name: "a tool believed that is another by now",
    edits: [
      edit(
        "packages/capability/src/note-changes.ts",
        "some(({ digest }) => digest === tool.digest)",
        "some(({ name }) => name === tool.tool)",
      ),
    ],
    caughtBy: [by(`${DAEMON}/tool-calls.test.ts`, "is not believed after a rejection, nor once")],
  },
  {
    name: "a cancel that a clock holds up which was set back",
    edits: [edit(`${X}/timers.ts`, "    if (now < last) await bringForward(deps);\n", "")],
    caughtBy: [by(`${DAEMON}/outage.test.ts`, "ends in time what is being cancelled")],
  },
];
