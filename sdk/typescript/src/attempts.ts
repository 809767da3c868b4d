import type { Assignment, Lease } from "@stigmer/contracts/agentic";
import type { AttemptOutcome } from "./attempt.ts";
import type { Link, Outgoing } from "./link.ts";
import type { Log } from "./log.ts";

/** The executions that the runner has a lease on: waiting for a slot, driven, or ended and not yet acknowledged. */
export interface Attempts {
  /** Takes an assignment; a newer lease of the same execution ends the older attempt, an older one is ignored. */
  assign(assignment: Assignment): void;
  /** Ends an attempt without a word. */
  revoke(lease: Lease): void;
  /** Ends all attempts but those under one of these leases. */
  keepOnly(leases: readonly Lease[]): void;
  acknowledge(lease: Lease): void;
  held(): Lease[];
  /** Sends again what ended and was not acknowledged. */
  resend(): void;
  /** The same at each heartbeat, but for what ended since the last one: its acknowledgement may be on its way. */
  remind(): void;
  /** Ends the attempts that have not begun, or all. */
  drop(which: "queued" | "all"): void;
}

export type AttemptsDeps = {
  readonly slots: number;
  readonly run: (assignment: Assignment, dropped: AbortSignal) => Promise<AttemptOutcome>;
  readonly link: Link;
  readonly log: Log;
  /** There may be nothing left to do. */
  readonly changed: () => void;
};

type Entry = {
  readonly lease: Lease;
  readonly assignment: Assignment;
  readonly controller: AbortController;
  state: "queued" | "running" | "ended";
  report?: Outgoing;
  isOverdue?: boolean;
};

export function createAttempts(deps: AttemptsDeps): Attempts {
  const entries = new Map<string, Entry>();
  const remove = (entry: Entry): void => {
    entries.delete(entry.lease.executionId);
    entry.controller.abort(new Error("the lease is lost"));
  };
  const removeWhere = (test: (entry: Entry) => boolean): void => {
    for (const entry of [...entries.values()].filter(test)) remove(entry);
    refill(deps, entries);
    deps.changed();
  };
  return {
    assign(assignment) {
      if (!assignment.lease) return;
      const held = entries.get(assignment.lease.executionId);
      if (held && held.lease.epoch >= assignment.lease.epoch) {
        if (held.report && isSame(held.lease, assignment.lease)) deps.link.send(held.report);
        return;
      }
      if (held) remove(held);
      const entry: Entry = { lease: assignment.lease, assignment, controller: new AbortController(), state: "queued" };
      entries.set(entry.lease.executionId, entry);
      refill(deps, entries);
    },
    revoke: (lease) => removeWhere((entry) => isSame(entry.lease, lease)),
    keepOnly: (leases) => removeWhere((entry) => !leases.some((lease) => isSame(lease, entry.lease))),
    acknowledge: (lease) => removeWhere((entry) => entry.state === "ended" && isSame(entry.lease, lease)),
    held: () => [...entries.values()].map((entry) => entry.lease),
    resend() {
      for (const { report } of entries.values()) if (report) deps.link.send(report);
    },
    remind() {
      for (const entry of entries.values()) {
        if (entry.report && entry.isOverdue) deps.link.send(entry.report);
        entry.isOverdue = entry.report !== undefined;
      }
    },
    drop: (which) => removeWhere((entry) => which === "all" || entry.state === "queued"),
  };
}

// Begins what waits, as far as there are slots.
function refill(deps: AttemptsDeps, entries: Map<string, Entry>): void {
  let free = deps.slots - [...entries.values()].filter((entry) => entry.state === "running").length;
  for (const entry of entries.values()) {
    if (free <= 0) return;
    if (entry.state !== "queued") continue;
    entry.state = "running";
    free--;
    // Never rejects.
    void deps.run(entry.assignment, entry.controller.signal).then((outcome) => {
      if (entries.get(entry.lease.executionId) === entry) settle(deps, entries, { entry, outcome });
      refill(deps, entries);
      deps.changed();
    });
  }
}

function settle(
  deps: AttemptsDeps,
  entries: Map<string, Entry>,
  { entry, outcome }: { readonly entry: Entry; readonly outcome: AttemptOutcome },
): void {
  const report = reportOf(entry.lease, outcome);
  deps.log.info(
    { execution: entry.lease.executionId, epoch: entry.lease.epoch, outcome: outcome.case },
    "attempt ended",
  );
  if (outcome.case === "error") deps.log.warn({ err: outcome.value }, "attempt failed");
  if (report) deps.link.send(report);
  if (!report || outcome.case === "parked") {
    entries.delete(entry.lease.executionId);
    return;
  }
  entry.state = "ended";
  entry.report = report;
}

function reportOf(lease: Lease, outcome: AttemptOutcome): Outgoing | undefined {
  if (outcome.case === "dropped") return undefined;
  return { case: "attemptFinished", value: { lease, outcome: wordsOf(outcome) } };
}

function wordsOf(outcome: Exclude<AttemptOutcome, { case: "dropped" }>) {
  if (outcome.case === "output") return outcome;
  if (outcome.case === "parked") return { case: "parked" as const, value: true };
  const { reason, message } = outcome.value;
  return { case: "error" as const, value: { reason, message } };
}

function isSame(one: Lease, other: Lease): boolean {
  return one.executionId === other.executionId && one.epoch === other.epoch;
}
