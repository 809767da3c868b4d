import { by, DAEMON, edit, type Mutant } from "./mutant.ts";

const STEPS = "packages/execution/src/steps.ts";
const OWN_STEPS = "packages/execution/src/own-steps.ts";
const CALL = "packages/capability/src/call-tool.ts";
const CONTROLLER = "packages/execution/src/runner-controller.ts";
const STATES = "packages/execution/src/states.ts";
const ELICITATIONS = "packages/execution/src/elicitations.ts";
const PENDING = "packages/execution/src/pending.ts";
const FENCES = `${DAEMON}/fences.test.ts`;
const TAKEN_OVER = `${DAEMON}/taken-over.test.ts`;
const STEPS_TEST = `${DAEMON}/steps.test.ts`;
const OWN_TEST = `${DAEMON}/own-steps.test.ts`;
const ELICITATION_LINES = `${DAEMON}/elicitation-lines.test.ts`;
const LOST = `${DAEMON}/lost-runners.test.ts`;
const DISPATCH = "packages/capability/src/dispatch.ts";
const RUNNER_CALLS = "packages/execution/src/runner-calls.ts";
const RUNNER_GONE = `${DAEMON}/runner-gone.test.ts`;

/** What was done is known, and is not done again. */
export const STEP_MUTANTS: readonly Mutant[] = [
  {
    name: "no intent of a call",
    edits: [
      edit(
        STEPS,
        `events: verdict.kind === "perform" ? [newEvent(request, attempt, verdict.intent)] : [],`,
        "events: [],",
      ),
    ],
    caughtBy: [
      { worlds: 8 },
      by(STEPS_TEST, "is joined by all who ask for it at once"),
      by(LOST, "leaves the call uncertain: a person is asked"),
    ],
  },
  {
    name: "an intent after its effect",
    edits: [
      edit(
        STEPS,
        "afterCommit: () => {\n      answer.step = deps.live.start(",
        "...(() => {\n      answer.step = deps.live.start(",
      ),
      edit(STEPS, "        return body;\n      });\n    },", "        return body;\n      });\n    })(),"),
    ],
    caughtBy: [by(FENCES, "is handed to a runner only once its intent is stored")],
  },
  {
    name: "no intent of a runner's own step",
    edits: [edit(OWN_STEPS, "return { events: [started], answer", "return { events: started ? [] : [], answer")],
    caughtBy: [by(OWN_TEST, "asks a person about a step whose outcome was lost")],
  },
  {
    name: "no intent of a question",
    edits: [
      edit(
        "packages/capability/src/ask-user.ts",
        `events: [{ ...at, event: { case: "inputRequested", value: requested } }],`,
        "events: at && requested ? [] : [],",
      ),
    ],
    caughtBy: [by(`${DAEMON}/input.test.ts`, "answers the question of an agent")],
  },
  {
    name: "no intent of a sub-agent",
    edits: [
      edit(
        "packages/capability/src/delegate.ts",
        `events: [{ ...at, event: { case: "subAgentStarted", value: started } }],`,
        "events: at && started ? [] : [],",
      ),
    ],
    caughtBy: [by(`${DAEMON}/one-commit.test.ts`, "an execution goes on whose sub-agent has ended")],
  },
  {
    name: "an outcome that is forgotten",
    edits: [edit(STEPS, `if (step?.outcome) return { kind: "done", outcome: step.outcome };`, "")],
    caughtBy: [by(STEPS_TEST, "that is finished answers from the journal, and the provider")],
  },
  {
    name: "an outcome that is forgotten once there are many",
    edits: [
      edit(
        STATES,
        "if (known || !(state.forgotten && mayHave(state.forgotten, key))) return known;",
        "if (key) return known;",
      ),
    ],
    caughtBy: [by(`${DAEMON}/old-steps.test.ts`, "are not made again")],
  },
  {
    name: "outcomes that are not marked",
    edits: [
      edit(
        "packages/execution/src/executions.ts",
        "(outcomeOf(event) ? [{ key: stepKey, at }] : [])",
        "(outcomeOf(event) && at < 0 ? [{ key: stepKey, at }] : [])",
      ),
    ],
    caughtBy: [by(`${DAEMON}/old-steps.test.ts`, "are not made again")],
  },
  {
    name: "a step that runs and is begun again",
    edits: [edit(STEPS, `if (live) return { kind: "live", step: live };`, "")],
    caughtBy: [by(STEPS_TEST, "is joined by all who ask for it at once")],
  },
  {
    name: "a step that is another by now",
    edits: [
      edit(
        STEPS,
        "if (digest && (digest !== request.digest || step?.own)) {",
        "if (digest && digest === request.stepKey) {",
      ),
    ],
    caughtBy: [by(STEPS_TEST, "is refused with another request")],
  },
  {
    name: "a runner's own step that is another by now",
    edits: [
      edit(
        OWN_STEPS,
        'if (isAnother && known.digest !== "") return',
        "if (isAnother && known.digest === stepKey) return",
      ),
    ],
    caughtBy: [by(OWN_TEST, "keeps the first outcome of a step")],
  },
  {
    name: "an outcome after the end",
    edits: [edit(STEPS, "const late = isFinal(state.status.phase) || ", "const late = ")],
    caughtBy: [by(FENCES, "that ends as its execution does has no outcome")],
  },
  {
    name: "the end of a runner's own step from whoever tells it",
    edits: [edit(OWN_STEPS, "if (isLast || isAgain) return task;", "if (task) return task;")],
    caughtBy: [by(FENCES, "records no step")],
  },
  {
    name: "a runner's own step in the place of a call",
    edits: [edit(OWN_STEPS, "(!known.own || known.digest !== digest)", "known.digest !== digest")],
    caughtBy: [by(FENCES, "has one outcome")],
  },
  {
    // The refusal of a runner's own step by a call's key keeps a second outcome away too.
    name: "two outcomes of one step",
    edits: [
      edit(OWN_STEPS, "(!known.own || known.digest !== digest)", "known.digest !== digest"),
      edit(STEPS, " || step?.outcome !== undefined || ", " || "),
    ],
    caughtBy: [by(FENCES, "has one outcome")],
  },
  {
    name: "two outcomes of one step of a runner's own",
    edits: [
      edit(
        OWN_STEPS,
        `const { known } = asked;\n    if (known?.outcome?.kind === "own") return answered({ case: "outcome", value: known.outcome.finished });\n`,
        "const { known } = asked;\n",
      ),
    ],
    caughtBy: [by(OWN_TEST, "keeps the first outcome of a step")],
  },
  {
    name: "a runner's own step that is uncertain and made again",
    edits: [
      edit(
        OWN_STEPS,
        "if (known && known.attempt > 0 && !known.repeat) return",
        "if (known && known.attempt < 0) return",
      ),
    ],
    caughtBy: [by(OWN_TEST, "asks a person about a step whose outcome was lost")],
  },
  {
    name: "an uncertain call that is made again",
    edits: [edit(CALL, "const mustAsk = isOpen ? !mayRetry(standing) : ", "const mustAsk = isOpen ? false : ")],
    caughtBy: [{ worlds: 16 }, by(LOST, "leaves the call uncertain: a person is asked")],
  },
  {
    name: "an approval that is good for more than one try",
    edits: [edit(CALL, "return approval.attempt === attempt ||", "return true || approval.attempt === attempt ||")],
    caughtBy: [by(LOST, "leaves the call uncertain: a person is asked")],
  },
  {
    name: "an approval of other arguments",
    edits: [edit(CALL, "if (approval.spec.digest !== digestOf(judging, checked)) return undefined;", "")],
    caughtBy: [by(TAKEN_OVER, "is approved with the arguments that a person was shown")],
  },
  {
    name: "a tool server's question by a runner that does not make the call",
    edits: [
      edit(ELICITATIONS, "if (problem || !deps.runners.calls.isOwedBy(callKey(call), from.instance))", "if (problem)"),
    ],
    caughtBy: [by(ELICITATION_LINES, "of a runner that does not make the call is put to nobody")],
  },
  {
    name: "a tool server's question that is asked each time that the runner asks",
    edits: [
      edit(ELICITATIONS, "if (known || !task || step.elicitations.length", "if (!task || step.elicitations.length"),
      edit(ELICITATIONS, "=> elicitationId === asked.elicitationId);", '=> elicitationId === "");'),
    ],
    caughtBy: [by(ELICITATION_LINES, "is put to people once, however often the runner asks")],
  },
  {
    name: "a tool server that is stopped while it asks",
    edits: [edit(CONTROLLER, "if (!hasParkedCall(deps.runners, state)) deps.runners", "deps.runners")],
    caughtBy: [by(`${DAEMON}/elicitation.test.ts`, "keeps its server while a person is asked")],
  },
  {
    name: "a call that is lost while its server asks",
    edits: [
      edit(ELICITATIONS, "?? Promise.resolve()).then(close, close);", "?? Promise.resolve()).then(close, () => {});"),
    ],
    caughtBy: [by(ELICITATION_LINES, "is withdrawn where the runner dies that makes the call")],
  },
  {
    name: "the end of a call by a runner that does not make it",
    edits: [edit(PENDING, "if (entry?.instance !== instance) return false;", "if (entry === undefined) return false;")],
    caughtBy: [by(LOST, "takes the end of a call from the runner that makes it")],
  },
  {
    // The first of the two alone changes nothing: a step that is worked on has no outcome, which the second says too.
    name: "the end of a call acknowledged before it is stored",
    edits: [
      edit(CONTROLLER, "  if (deps.live.get(call.executionId, call.stepKey)) return;\n", ""),
      edit(CONTROLLER, "  if (owed && !over) return; // the step will be asked for again, and finds the answer\n", ""),
    ],
    caughtBy: [by(FENCES, "has its end acknowledged to the runner only once it is stored")],
  },
  {
    name: "the end of a call forgotten before anybody asked for it",
    edits: [
      edit(CONTROLLER, "  if (owed && !over) return; // the step will be asked for again, and finds the answer\n", ""),
    ],
    caughtBy: [by(TAKEN_OVER, "has its end kept until somebody asks for it")],
  },
  {
    name: "a call handed to a line that has ended",
    edits: [edit(RUNNER_CALLS, "  if (!line) return false;\n", "  if (!line) return true;\n")],
    caughtBy: [by(RUNNER_GONE, "is not waited for: the next one makes the call")],
  },
  {
    name: "a call handed out again that is only to be waited for",
    edits: [edit(DISPATCH, "if (!isMade && !sendCall(", "if (!sendCall(")],
    caughtBy: [by(RUNNER_GONE, "is not handed a call again that it made")],
  },
  {
    name: "a call that plan mode does not allow",
    edits: [edit(CALL, "if (isBarred(state, tool) && !hasBegun) return refuse(asked, BARRED);", "")],
    caughtBy: [
      by(`${DAEMON}/plan-mode.test.ts`, "what could change anything is refused, and nobody is asked about it"),
    ],
  },
  {
    name: "an outcome without what goes with it",
    edits: [edit(STEPS, "const events = [body, ...beside].map(", "const events = [body].map(")],
    caughtBy: [
      by(`${DAEMON}/todos.test.ts`, "is replaced as a whole, by the commit of the call's outcome"),
      by(`${DAEMON}/plan-mode.test.ts`, "once it is approved the agent may act"),
    ],
  },
];
