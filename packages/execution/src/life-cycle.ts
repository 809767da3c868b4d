import { precondition } from "@stigmer/base";
import { ExecutionPhase as Phase } from "@stigmer/contracts/agentic";

/** What people can tell an execution. */
export const COMMANDS = ["cancel", "terminate", "pause", "resume", "retry", "fork", "provideInput"] as const;
export type Command = (typeof COMMANDS)[number];

/**
 * What becomes of a command: the phase that it leads to, its own where only what it waits for changes; `same` where it says nothing new; `no` where it means nothing and
 * is refused with `EXECUTION_PHASE`; `new` where it starts another execution and this one stays as it is; `back` where it
 * goes on with what it did or waited for.
 */
export type Effect = Phase | "same" | "no" | "new" | "back";

type Row = Readonly<Record<Command, Effect>>;

const WAITING: Row = {
  ...{ cancel: Phase.CANCELLED, terminate: Phase.TERMINATED, pause: Phase.PAUSED },
  ...{ resume: "same", retry: "same", fork: "new", provideInput: "no" },
};
const ENDED: Row = {
  ...{ cancel: "no", terminate: "no", pause: "no", resume: "no" },
  ...{ retry: "no", fork: "new", provideInput: "no" },
};

/** The life of an execution: what each command does in each phase. The guide's table is made from this one. */
export const LIFE_CYCLE: ReadonlyMap<Phase, Row> = new Map([
  [Phase.PENDING, WAITING],
  [Phase.RUNNING, WAITING],
  [Phase.WAITING_FOR_APPROVAL, WAITING],
  [Phase.WAITING_FOR_INPUT, { ...WAITING, provideInput: Phase.PENDING }],
  [Phase.PAUSED, { ...WAITING, pause: "same", resume: "back", retry: "no", provideInput: Phase.PAUSED }],
  [Phase.SUCCEEDED, ENDED],
  [Phase.FAILED, { ...ENDED, retry: Phase.PENDING }],
  [Phase.CANCELLED, { ...ENDED, cancel: "same" }],
  [Phase.TERMINATED, { ...ENDED, terminate: "same" }],
]);

/** What a command does to an execution in a phase; refuses it where it means nothing. */
export function effectOf(command: Command, phase: Phase, id: string): Exclude<Effect, "no"> {
  const effect = LIFE_CYCLE.get(phase)?.[command] ?? "no";
  if (effect !== "no") return effect;
  const name = Phase[phase] ?? "UNSPECIFIED";
  const message = `${command} means nothing to execution "${id}": it is ${name.toLowerCase().replaceAll("_", " ")}`;
  throw precondition("EXECUTION_PHASE", { phase: name, command }, { message });
}
