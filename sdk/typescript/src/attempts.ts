import type { Assignment, Lease, Revoke } from "@stigmer/contracts/agentic";
import type { Attempt, AttemptOutcome } from "./attempt.ts";
import { leaseOver } from "./lease-over.ts";
import type { Link, Outgoing } from "./link.ts";
import type { Log } from "./log.ts";
import { createLoops } from "./loops.ts";

/** The executions that the runner has a lease on: driven, or ended and not yet acknowledged. */
export interface Attempts {
  /**
   * Takes an assignment, or declines it: while the runner drains, beyond its slots, or where an older attempt at the same
   * execution does not stop. A newer lease of the same execution ends the older attempt, an older one is ignored.
   */
  assign(assignment: Assignment): void;
  /** Ends an attempt without a word. */
  revoke(revoked: Revoke): void;
  /** Ends all attempts but those under one of these leases. */
  keepOnly(leases: readonly Lease[]): void;
  acknowledge(lease: Lease): void;
  held(): Lease[];
  /** Sends again what ended and was not acknowledged. */
  resend(): void;
  /** The same at each heartbeat, but for what ended since the last one: its acknowledgement may be on its way. */
  remind(): void;
  /** Declines what has not begun, and everything from here on. */
  drain(): void;
  dropAll(): void;
}

export type AttemptsDeps = {
  readonly slots: number;
  readonly run: (assignment: Assignment, dropped: AbortSignal) => Attempt;
  readonly link: Link;
  readonly log: Log;
  /** There may be nothing left to do. */
  readonly changed: () => void;
};

type Entry = {
  readonly lease: Lease;
  readonly controller: AbortController;
  state: "waiting" | "running" | "ended";
  report?: Outgoing;
  isOverdue?: boolean;
};

export function createAttempts(deps: AttemptsDeps): Attempts {
  const entries = new Map<string, Entry>();
  const loops = createLoops();
  let isDraining = false;

  const remove = (entry: Entry, why: Error): void => {
    entries.delete(entry.lease.executionId);
    entry.controller.abort(why);
  };
  const removeWhere = (test: (entry: Entry) => boolean, why = leaseOver()): void => {
    for (const entry of [...entries.values()].filter(test)) remove(entry, why);
    deps.changed();
  };
  const isCurrent = (entry: Entry): boolean => entries.get(entry.lease.executionId) === entry;
  const decline = (lease: Lease, why: string): void => {
    deps.log.info({ execution: lease.executionId, epoch: lease.epoch, why }, "assignment declined");
    deps.link.send({ case: "declined", value: { lease } });
  };
  const declineWaiting = (entry: Entry, why: string): void => {
    if (!isCurrent(entry) || entry.state !== "waiting") return;
    remove(entry, leaseOver());
    decline(entry.lease, why);
    deps.changed();
  };
  const begin = (lease: Lease, assignment: Assignment): void => {
    const entry: Entry = { lease, controller: new AbortController(), state: "waiting" };
    entries.set(lease.executionId, entry);
    loops.startAlone(lease.executionId, {
      start: () =>
        isCurrent(entry) && entry.state === "waiting" ? drive(deps, entries, { entry, assignment }) : undefined,
      late: () => declineWaiting(entry, "an older attempt has not stopped"),
    });
  };
  const refusal = (): string | undefined => {
    if (isDraining) return "the runner drains";
    const taken = [...entries.values()].filter((entry) => entry.state !== "ended").length;
    return taken >= deps.slots ? "no slot is free" : undefined;
  };
  return {
    assign(assignment) {
      const { lease } = assignment;
      if (!lease) return;
      const held = entries.get(lease.executionId);
      if (held && held.lease.epoch >= lease.epoch) {
        if (held.report && isSame(held.lease, lease)) deps.link.send(held.report);
        return;
      }
      if (held) remove(held, leaseOver());
      const why = refusal();
      if (why) decline(lease, why);
      else begin(lease, assignment);
    },
    revoke({ lease, cause }) {
      if (!lease) return;
      deps.log.debug({ execution: lease.executionId, epoch: lease.epoch, cause }, "lease revoked");
      removeWhere((entry) => isSame(entry.lease, lease), leaseOver(cause));
    },
    keepOnly: (leases) => {
      const kept = new Set(leases.map(keyOf));
      removeWhere((entry) => !kept.has(keyOf(entry.lease)));
    },
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
    drain() {
      isDraining = true;
      for (const entry of [...entries.values()]) declineWaiting(entry, "the runner drains");
    },
    dropAll: () => removeWhere(() => true),
  };
}

/** Runs an attempt; the promise is that of its loop's return. */
function drive(
  deps: AttemptsDeps,
  entries: Map<string, Entry>,
  { entry, assignment }: { readonly entry: Entry; readonly assignment: Assignment },
): Promise<void> {
  entry.state = "running";
  const { outcome, returned } = deps.run(assignment, entry.controller.signal);
  // Never rejects.
  void outcome.then((how) => {
    if (entries.get(entry.lease.executionId) === entry) settle(deps, entries, { entry, outcome: how });
    deps.changed();
  });
  return returned;
}

function settle(
  deps: AttemptsDeps,
  entries: Map<string, Entry>,
  { entry, outcome }: { readonly entry: Entry; readonly outcome: AttemptOutcome },
): void {
  const { lease } = entry;
  const report = reportOf(lease, outcome);
  deps.log.info({ execution: lease.executionId, epoch: lease.epoch, outcome: outcome.case }, "attempt ended");
  if (outcome.case === "error") deps.log.warn({ err: outcome.value }, "attempt failed");
  if (report) deps.link.send(report);
  if (!report || outcome.case === "parked") {
    entries.delete(lease.executionId);
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

function keyOf({ executionId, epoch }: Lease): string {
  return `${epoch} ${executionId}`;
}
