import { createHash } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import {
  ApprovalCause,
  ApprovalDecision,
  type ExecutionEvent,
  ExecutionEventSchema,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";

/** What a journal says of one step. */
export type StepRecord = {
  readonly key: string;
  attempts: number;
  /** Epoch of the newest attempt. */
  epoch: bigint;
  outcome: ExecutionEvent["event"] | undefined;
  /** Every outcome that it ever had: more than one where a failure was made void. */
  readonly outcomes: ExecutionEvent["event"][];
  /** Texts that its tries were begun with. */
  readonly begun: string[];
  /** Approvals that allow another try after one whose outcome was lost. */
  again: number;
  approved: number;
};

/** A journal, event by event, and what in it breaks a promise. Knows the contract and nothing of the engine. */
export interface JournalCheck {
  readonly events: readonly Uint8Array[];
  readonly steps: ReadonlyMap<string, StepRecord>;
  readonly view: JournalView;
  /** Steps that a fork shares with another. */
  readonly inherited: readonly StepRecord[];
  /** Takes the next event; answers with what is wrong with it. */
  append(bytes: Uint8Array): readonly string[];
}

/** The status that follows from the events. */
export type JournalView = {
  phase: Phase;
  turns: number;
  output: string;
  error: string;
  tokens: bigint;
  epoch: bigint;
  sequence: number;
  /** The view after each event. */
  readonly history: {
    readonly phase: Phase;
    readonly turns: number;
    readonly output: string;
    readonly tokens: bigint;
  }[];
};

/** `inherited` is what a fork has of the journal that it shares: the steps that had an outcome. */
export function createJournalCheck(inherited: Iterable<StepRecord> = []): JournalCheck {
  const events: Uint8Array[] = [];
  const steps = new Map([...inherited].map((step) => [step.key, { ...step, ...NO_STEP, ...heirOf(step) }]));
  const causes = new Map<string, ApprovalCause>();
  const view: JournalView = {
    ...{ phase: Phase.UNSPECIFIED, turns: 0, output: "", error: "", tokens: 0n, epoch: 0n, sequence: 0, history: [] },
  };
  const stepAt = (key: string): StepRecord => {
    const known = steps.get(key) ?? { ...NO_STEP, key, outcomes: [], begun: [] };
    steps.set(key, known);
    return known;
  };
  return {
    events,
    steps,
    view,
    inherited: [...inherited],
    append(bytes) {
      const event = fromBinary(ExecutionEventSchema, bytes);
      const wrong = judge(event, { view, step: stepAt });
      events.push(bytes);
      fold(event, { view, step: stepAt, causes });
      return wrong.map((what) => `entry ${events.length}: ${what}`);
    },
  };
}

/** What a user said to start the execution; undefined where no user did, or it is a fork. */
export function orderOf(first: Uint8Array): string | undefined {
  const { event } = fromBinary(ExecutionEventSchema, first);
  return event.case === "created" && !event.value.fork && !event.value.parent ? event.value.message : undefined;
}

function heirOf({ attempts, outcome, outcomes }: StepRecord) {
  return { attempts, outcome, outcomes: [...outcomes], begun: [] };
}

/** The journal that a fork shares, and up to where; undefined where the journal is no fork's. */
export function originOf(first: Uint8Array): { readonly execution: string; readonly sequence: number } | undefined {
  const { event } = fromBinary(ExecutionEventSchema, first);
  const fork = event.case === "created" ? event.value.fork : undefined;
  return fork && { execution: fork.executionId, sequence: Number(fork.sequence) };
}

const NO_STEP = { attempts: 0, epoch: 0n, outcome: undefined, again: 0, approved: 0 };

const FINAL = new Set([Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.TERMINATED]);

export function isFinal(phase: Phase): boolean {
  return FINAL.has(phase);
}

type Known = { readonly view: JournalView; readonly step: (key: string) => StepRecord };

const STARTS = new Set(["modelCallStarted", "toolCallStarted", "subAgentStarted", "inputRequested"]);
const ENDS = new Set(["modelCallFinished", "toolCallFinished", "subAgentEnded", "inputProvided"]);
/** May follow the end: they say that it is none, or that something came too late. */
const AFTER_END = new Set(["retried", "phaseChanged", "lateMessage", "approvalDecided"]);

function judge(event: ExecutionEvent, { view, step }: Known): string[] {
  const { case: kind } = event.event;
  const name = kind ?? "";
  const wrong: string[] = [];
  const say = (what: string): void => void wrong.push(`${name} of ${event.stepKey || "the execution"}: ${what}`);
  if (isFinal(view.phase) && !AFTER_END.has(name)) say(`comes after the end, ${Phase[view.phase]}`);
  if (kind === "leaseGranted" && event.epoch <= view.epoch) say(`epoch ${event.epoch} after ${view.epoch}`);
  const isWrite = !ENDS.has(name) && kind !== "lateMessage" && kind !== "leaseGranted" && event.epoch !== 0n;
  if (isWrite && event.epoch !== view.epoch) say(`accepted under epoch ${event.epoch} while ${view.epoch} is live`);
  if (STARTS.has(name)) judgeStart(event, step(event.stepKey), say);
  if (ENDS.has(name)) judgeEnd(event, step(event.stepKey), say);
  return wrong;
}

function judgeStart({ attempt }: ExecutionEvent, step: StepRecord, say: (what: string) => void): void {
  if (step.outcome) say("is made again although it has an outcome");
  if (attempt !== step.attempts + 1) say(`attempt ${attempt} follows ${step.attempts}`);
}

function judgeEnd({ attempt, epoch, event }: ExecutionEvent, step: StepRecord, say: (what: string) => void): void {
  if (step.outcome) say("has a second outcome");
  if (event.case === "subAgentEnded" || event.case === "inputProvided") return;
  if (attempt < step.attempts) say(`outcome of attempt ${attempt} while ${step.attempts} is the newest`);
  if (step.attempts > 0 && attempt === step.attempts && epoch < step.epoch)
    say("outcome under an epoch before its start");
}

type Folding = Known & { readonly causes: Map<string, ApprovalCause> };

function fold({ event, stepKey, attempt, epoch }: ExecutionEvent, { view, step, causes }: Folding): void {
  view.sequence++;
  if (STARTS.has(event.case ?? "")) Object.assign(step(stepKey), { attempts: attempt || 1, epoch });
  if (ENDS.has(event.case ?? "")) {
    step(stepKey).outcome = event;
    step(stepKey).outcomes.push(event);
  }
  switch (event.case) {
    case "leaseGranted":
      view.epoch = epoch;
      break;
    case "phaseChanged":
      view.phase = event.value.phase;
      view.output = event.value.output;
      if (event.value.error) view.error = event.value.error.reason;
      break;
    case "modelCallFinished":
      view.turns++;
      view.tokens += (event.value.usage?.inputTokens ?? 0n) + (event.value.usage?.outputTokens ?? 0n);
      break;
    case "toolCallStarted":
      step(stepKey).begun.push(event.value.call?.arguments ?? "");
      break;
    case "approvalRequested":
      causes.set(event.value.approvalId, event.value.spec?.cause ?? ApprovalCause.UNSPECIFIED);
      break;
    case "approvalDecided":
      if (event.value.decision !== ApprovalDecision.APPROVED) break;
      step(stepKey).approved++;
      if (causes.get(event.value.approvalId) === ApprovalCause.UNCERTAIN) step(stepKey).again++;
      break;
  }
  foldRetried(event, step);
  const { phase, turns, output, tokens } = view;
  view.history.push({ phase, turns, output, tokens });
}

/** A step whose failure is void may be made again. */
function foldRetried(event: ExecutionEvent["event"], step: Known["step"]): void {
  if (event.case !== "retried") return;
  for (const key of event.value.steps) step(key).outcome = undefined;
}

/** The hash that an entry must carry. */
export function hashAfter(prevHash: Uint8Array, sequence: bigint, event: Uint8Array): Uint8Array {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(sequence);
  return createHash("sha256").update(prevHash).update(number).update(event).digest();
}
