import { by, DAEMON, edit, type Mutant } from "./mutant.ts";

const STEPS = "packages/execution/src/steps.ts";
const LEASES = "packages/execution/src/leases.ts";
const LEASE_TASKS = "packages/execution/src/lease-tasks.ts";
const GRANTS = "packages/execution/src/grants.ts";
const OWN_STEPS = "packages/execution/src/own-steps.ts";
const EXECUTIONS = "packages/execution/src/executions.ts";
const CONTROLLER = "packages/execution/src/runner-controller.ts";
const RUNNERS = "packages/execution/src/runners.ts";
const FENCES = `${DAEMON}/fences.test.ts`;
const TAKEN_OVER = `${DAEMON}/taken-over.test.ts`;
const LEASES_TEST = `${DAEMON}/leases.test.ts`;
const RUNNER_GONE = `${DAEMON}/runner-gone.test.ts`;

/** Who may speak for an execution, and for how long. */
export const LEASE_MUTANTS: readonly Mutant[] = [
  {
    name: "a step of whoever has no lease",
    edits: [
      edit(
        STEPS,
        "const task = await executions.requireLease(request, request);",
        "const task = (await executions.task(request)) ?? (await executions.requireLease(request, request));",
      ),
    ],
    caughtBy: [by(`${DAEMON}/steps.test.ts`, "but of an epoch before may not generate")],
  },
  {
    name: "a step begun without a word about its lease in the commit",
    edits: [edit(STEPS, "return { preconditions, ...perform(", "return { ...perform(")],
    caughtBy: [by(FENCES, "begins no step: no model is asked")],
  },
  {
    name: "a step settled without a word about its lease in the commit",
    edits: [edit(STEPS, "return { preconditions, ...settle(", "return { ...settle(")],
    caughtBy: [by(FENCES, "settles no step")],
  },
  {
    name: "an execution parked without a word about its lease in the commit",
    edits: [edit(STEPS, "[{ task, epoch: task.epoch, holder: task.holder }, ...preconditions]", "[...preconditions]")],
    caughtBy: [by(FENCES, "parks nothing")],
  },
  {
    name: "tools recorded without a word about the lease in the commit",
    edits: [
      edit(
        "packages/capability/src/list-tools.ts",
        "preconditions: [{ task, epoch: task.epoch, holder: task.holder }],",
        "",
      ),
    ],
    caughtBy: [by(FENCES, "records no tools")],
  },
  {
    name: "a lease of any epoch",
    edits: [edit(EXECUTIONS, "    task.epoch === lease.epoch &&\n", "")],
    caughtBy: [by(`${DAEMON}/steps.test.ts`, "but of an epoch before may not generate")],
  },
  {
    name: "a lease of any holder",
    edits: [edit(EXECUTIONS, "(lease.holder === undefined || lease.holder === task.holder)", "true")],
    caughtBy: [by(FENCES, "begins no step of its own")],
  },
  {
    name: "a look for work that waits for one execution as long as it takes",
    edits: [edit(LEASES, "await atMost(GRANTS_MS, Promise.all(grants));", "await Promise.all(grants);")],
    caughtBy: [by(RUNNER_GONE, "does not keep others waiting")],
  },
  {
    name: "a lease that was given back by any runner",
    edits: [edit(OWN_STEPS, " && state.runner === from.name", "")],
    caughtBy: [by(FENCES, "says nothing of a step whose lease was given back")],
  },
  {
    name: "a lease that was given back",
    edits: [edit(EXECUTIONS, `    task.holder !== "" &&\n`, "")],
    caughtBy: [by(TAKEN_OVER, "is over once its execution is parked")],
  },
  {
    name: "a runner's own step of whoever has no lease",
    edits: [
      edit(
        OWN_STEPS,
        "return await executions.requireLease(ref, { epoch: Number(step.lease?.epoch), holder: from.instance });",
        "return (await executions.task(ref)) ?? (await executions.requireLease(ref, { epoch: 0 }));",
      ),
    ],
    caughtBy: [by(FENCES, "begins no step of its own")],
  },
  {
    name: "a runner's own step without a word about its lease in the commit",
    edits: [edit(OWN_STEPS, "{ ...decision, preconditions } : decision", "decision : decision")],
    caughtBy: [by(FENCES, "begins no step of the runner's own")],
  },
  {
    name: "the end of an attempt whose lease is over",
    edits: [
      edit(
        CONTROLLER,
        "const task = await deps.executions.requireLease(ref, { epoch, holder: connection.instance });",
        "const task = (await deps.executions.task(ref)) ?? { tenant: ref.org, queue: 'agent', id: ref.id };",
      ),
      edit(CONTROLLER, "const held = { task, epoch, holder: connection.instance };", ""),
      edit(CONTROLLER, "preconditions: [held, ...end.preconditions]", "preconditions: end.preconditions"),
    ],
    caughtBy: [by(FENCES, "ends no attempt")],
  },
  {
    name: "the end of an attempt without a word about its lease in the commit",
    edits: [edit(CONTROLLER, "preconditions: [held, ...end.preconditions]", "preconditions: end.preconditions")],
    caughtBy: [by(FENCES, "ends no execution")],
  },
  {
    name: "a late end of an attempt that leaves no evidence",
    edits: [edit(CONTROLLER, "    await keepEvidence(deps, connection, { lease, outcome });\n", "")],
    caughtBy: [by(FENCES, "ends no execution")],
  },
  {
    name: "a renewal of another's lease",
    edits: [
      edit(
        LEASES,
        "const live = task?.holder === holder.instance && task.epoch === Number(lease.epoch);",
        "const live = task !== undefined && task.epoch === Number(lease.epoch);",
      ),
    ],
    caughtBy: [by(LEASES_TEST, "is not taken back by a hello of another process")],
  },
  {
    name: "a renewal of a lease of another epoch",
    edits: [
      edit(
        LEASES,
        "const live = task?.holder === holder.instance && task.epoch === Number(lease.epoch);",
        "const live = task?.holder === holder.instance;",
      ),
    ],
    caughtBy: [by(LEASES_TEST, "is not taken back by a hello of another epoch")],
  },
  {
    name: "a lease changed without a word about it in the commit",
    edits: [edit(LEASE_TASKS, "[{ task, epoch: task.epoch, holder: task.holder }]", "[]")],
    caughtBy: [by(FENCES, "is not renewed")],
  },
  {
    name: "a lease granted without a word about the task in the commit",
    edits: [
      edit(
        GRANTS,
        `const preconditions = [{ task, epoch: task.epoch, holder: "" }];`,
        "const preconditions: never[] = [];",
      ),
    ],
    caughtBy: [by(FENCES, "goes to one runner")],
  },
  {
    name: "a lease granted on what was paused meanwhile",
    edits: [
      edit(
        GRANTS,
        "if (state.status.phase === Phase.PAUSED) return",
        "if (state.status.phase === Phase.SUCCEEDED) return",
      ),
    ],
    caughtBy: [by(FENCES, "stays where it is when it is paused")],
  },
  {
    name: "a lease whose epoch is that of the one before",
    edits: [
      edit(
        GRANTS,
        "const ref = refOf(task);\n  const epoch = task.epoch + 1;",
        "const ref = refOf(task);\n  const epoch = Math.max(1, task.epoch);",
      ),
      edit(
        GRANTS,
        "  const epoch = task.epoch + 1;\n  const before",
        "  const epoch = Math.max(1, task.epoch);\n  const before",
      ),
    ],
    caughtBy: [{ worlds: 4 }, by(LEASES_TEST, "that is not renewed is over")],
  },
  {
    name: "a lease given back by another",
    edits: [
      edit(
        LEASES,
        "if (task?.holder === holder.instance && task.epoch === Number(lease.epoch))",
        "if (task?.epoch === Number(lease.epoch))",
      ),
    ],
    caughtBy: [by(FENCES, "gives back no lease")],
  },
  {
    name: "a lease given back for an older one",
    edits: [
      edit(
        LEASES,
        "if (task?.holder === holder.instance && task.epoch === Number(lease.epoch))",
        "if (task?.holder === holder.instance)",
      ),
    ],
    caughtBy: [by(`${DAEMON}/runner-choice.test.ts`, "is still the lease of whoever got it meanwhile")],
  },
  {
    name: "leases that never run out",
    edits: [edit(LEASES, "    await expire(deps, queue, now);\n", "")],
    caughtBy: [by(LEASES_TEST, "that is not renewed is over")],
  },
  {
    name: "leases that an outage costs",
    edits: [edit(LEASES, "async start() {\n      await renewAll(deps);", "async start() {")],
    caughtBy: [by(`${DAEMON}/outage.test.ts`, "costs no runner its lease")],
  },
  {
    name: "leases that a clock costs which was set",
    edits: [edit(LEASES, "    if (jumped(now)) await renewAll(deps);\n", "")],
    caughtBy: [by(LEASES_TEST, "does not care that the clock is set")],
  },
  {
    name: "leases that a runner keeps which came back without them",
    edits: [edit(CONTROLLER, "  await deps.leases.endOthers(holder, hello.running);\n", "")],
    caughtBy: [by(LEASES_TEST, "ends at once where its runner comes back without it")],
  },
  {
    name: "leases that a runner's earlier process keeps",
    edits: [edit(CONTROLLER, "    await deps.leases.exited(before);\n", "")],
    caughtBy: [by(TAKEN_OVER, "is handed on at once where another process")],
  },
  {
    name: "a lease that a process gets which has ended meanwhile",
    edits: [
      edit(GRANTS, "if (granted && deps.gone.has(connection.instance)) {", "if (granted && deps.gone.size < 0) {"),
    ],
    caughtBy: [by(TAKEN_OVER, "is handed on at once where its process ends")],
  },
  {
    name: "calls that a runner keeps which came back without them",
    edits: [edit(RUNNERS, "      calls.lose(hello.instance, new Set(hello.calls.map(callKey)));\n", "")],
    caughtBy: [by(`${DAEMON}/lost-runners.test.ts`, "leaves the call uncertain: a person is asked")],
  },
];
