import type { Message } from "@bufbuild/protobuf";
import type { JournalEntry, Lease, ServerMessage } from "@stigmer/contracts/agentic";
import type { Append, Batch, Store } from "@stigmer/store";
import {
  createJournalCheck,
  hashAfter,
  type JournalCheck,
  orderOf,
  originOf,
  type StepRecord,
} from "./journal-check.ts";
import { type Effects, TOOLS } from "./tools.ts";
import type { Received } from "./transport.ts";

/** Everything that somebody was promised, and whether it is kept. */
export interface Ledger {
  readonly journals: ReadonlyMap<string, JournalCheck>;
  /** What was broken, in the order in which it showed. */
  readonly broken: readonly string[];
  breaks(what: string): void;
  /** Watches what a store acknowledges. */
  observe(store: Store): Store;
  /**
   * Takes what a journal holds: all that was known when it was asked for, and perhaps what nobody was told of, as after a
   * crash.
   */
  compare(execution: string, entries: readonly Entry[], knownThen: number): void;
  /** A client got an entry of a journal. */
  seen(execution: string, sequence: bigint, event: Uint8Array): void;
  /** A runner got an answer of the engine. */
  received(answer: Received): void;
  /** The backend tells a runner something: no lease of which a newer one was given is called live. */
  sent(answer: Received): void;
  /** A tool is called. */
  asked(call: { readonly tool: string; readonly nonce: string; readonly idempotencyKey: string }): void;
  /** At the end: every effect was allowed, everything that was seen is in a journal. */
  settle(effects: Iterable<Effects>): void;
}

type Entry = Pick<JournalEntry, "sequence" | "prevHash" | "hash" | "event">;

export function createLedger(note: (what: string) => void): Ledger {
  const journals = new Map<string, JournalCheck>();
  const broken: string[] = [];
  const outcomes = new Map<string, Set<string>>();
  const asked = new Map<string, number>();
  const views: View[] = [];
  const breaks = (what: string): void => {
    if (broken.includes(what)) return;
    note(`BROKEN ${what}`);
    broken.push(what);
  };
  const journal = (id: string): JournalCheck => {
    const known = journals.get(id) ?? createJournalCheck();
    journals.set(id, known);
    return known;
  };
  const append = (id: string, event: Uint8Array): void => {
    const origin = journal(id).events.length > 0 ? undefined : originOf(event);
    if (origin) journals.set(id, createJournalCheck(stepsAt(journal(origin.execution), origin.sequence)));
    for (const what of journal(id).append(event)) breaks(`${id} ${what}`);
  };
  /** A crash may have left entries that nobody was told of; a process finds them when it first writes to a journal. */
  const adopt = async (store: Store, met: Set<string>, { stream, tenant, after }: Append): Promise<void> => {
    const known = journal(stream).events.length;
    if (met.has(stream) || known >= after) return;
    const entries = await store.read({ tenant, stream }, { from: known + 1, limit: after - known });
    for (const { event } of entries) append(stream, event);
  };
  const settled = async (store: Store, met: Set<string>, { appends = [] }: Batch): Promise<void> => {
    for (const added of appends) {
      await adopt(store, met, added);
      met.add(added.stream);
      const { stream, after, events } = added;
      if (journal(stream).events.length !== after) breaks(`${stream}: appended after ${after}, not at its end`);
      else for (const event of events) append(stream, event);
    }
  };
  const ledger: Ledger = {
    journals,
    broken,
    breaks,
    observe(store) {
      const met = new Set<string>();
      const commit: Store["commit"] = async (batch, preconditions) => {
        const revision = await store.commit(batch, preconditions);
        await settled(store, met, batch);
        note(`commit ${revision} ${namesOf(batch)}`);
        return revision;
      };
      return { ...store, commit };
    },
    compare(id, entries, knownThen) {
      for (const what of chainFaults(entries)) breaks(`${id} ${what}`);
      const known = journal(id).events;
      if (entries.length < knownThen) breaks(`${id}: lost entries after ${entries.length} of ${knownThen}`);
      entries.forEach(({ event }, at) => {
        const before = known[at];
        if (!before) append(id, event);
        else if (!same(before, event)) breaks(`${id}: entry ${at + 1} is another one than before`);
      });
    },
    seen: (id, sequence, event) => void views.push({ id, sequence, event }),
    received: (answer) => takeAnswer(answer, outcomes),
    sent({ answer }) {
      for (const { executionId, epoch } of leasesIn(answer as Message & Partial<ServerMessage>)) {
        const newest = journals.get(executionId)?.view.epoch ?? 0n;
        if (epoch < newest) breaks(`${executionId}: epoch ${epoch} is called live while ${newest} is`);
      }
    },
    asked({ tool, nonce, idempotencyKey }) {
      note(`call of ${tool} ${idempotencyKey}`);
      const count = (asked.get(nonce) ?? 0) + 1;
      asked.set(nonce, count);
      const intents = intentsOf(journals, nonce);
      if (count > intents) breaks(`${tool} ${idempotencyKey}: called ${count} times with ${intents} intents recorded`);
    },
    settle(effects) {
      for (const text of repeated(journals)) breaks(`two executions came of one command: ${text}`);
      for (const view of views) settleView(view, journals, breaks);
      for (const effect of effects) settleEffect(effect, journals, breaks);
      for (const [key, seen] of outcomes) settleOutcome(key, seen, journals, breaks);
    },
  };
  return ledger;
}

type Breaks = (what: string) => void;

function namesOf({ appends = [], puts = [], tasks = [], taskDeletes = [] }: Batch): string {
  const entries = appends.map(({ stream, after, events }) => `${stream}@${after}+${events.length}`);
  const leases = tasks.map(({ id, epoch, holder }) => `task ${id}:${epoch}${holder && `@${holder.slice(0, 8)}`}`);
  return [...entries, ...puts.map(({ kind }) => kind), ...leases, ...taskDeletes.map(({ id }) => `-${id}`)].join(" ");
}

function chainFaults(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ sequence, prevHash, hash, event }, at) => {
    const before = entries[at - 1]?.hash ?? new Uint8Array();
    if (sequence !== BigInt(at + 1)) return [`the chain has ${sequence} in place of ${at + 1}`];
    const right = (at === 0 || same(prevHash, before)) && same(hash, hashAfter(prevHash, sequence, event));
    return right ? [] : [`the chain is broken at ${sequence}`];
  });
}

/** The leases that a message to a runner says it has. */
function leasesIn({ message }: Partial<ServerMessage>): readonly Lease[] {
  if (message?.case === "welcome") return message.value.kept;
  return message?.case === "assignment" && message.value.lease ? [message.value.lease] : [];
}

/** The steps that had an outcome at a sequence. */
function stepsAt(shared: JournalCheck, sequence: number): readonly StepRecord[] {
  const then = createJournalCheck(shared.inherited);
  for (const event of shared.events.slice(0, sequence)) then.append(event);
  return [...then.steps.values()].filter(({ outcome }) => outcome !== undefined);
}

/** Whatever a runner is told is the outcome of a step must be its outcome. */
function takeAnswer({ request, answer }: Received, outcomes: Map<string, Set<string>>): void {
  const { executionId, stepKey } = (request ?? {}) as { readonly executionId?: string; readonly stepKey?: string };
  const { message } = answer as Message & { readonly message?: { readonly case?: string; readonly value?: unknown } };
  if (!executionId || !stepKey || message?.case !== "result") return;
  const key = `${executionId}/${stepKey}`;
  outcomes.set(key, (outcomes.get(key) ?? new Set()).add(fingerprint(message.value)));
}

function fingerprint(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item));
}

function intentsOf(journals: ReadonlyMap<string, JournalCheck>, nonce: string): number {
  let count = 0;
  for (const { steps } of journals.values())
    for (const { begun } of steps.values()) count += begun.filter((text) => text.includes(nonce)).length;
  return count;
}

const PROMISED = new Map(TOOLS.map(({ tool, promised }) => [tool, promised]));

/** A second effect needs a tool that is declared fit for it, or a person who wanted it. */
function settleEffect(effect: Effects, journals: ReadonlyMap<string, JournalCheck>, breaks: Breaks): void {
  const { tool, idempotencyKey, count } = effect;
  const [id = "", ...rest] = idempotencyKey.split("/");
  const step = journals.get(id)?.steps.get(rest.join("/"));
  if (!step) {
    breaks(`${tool} ${idempotencyKey}: has an effect and no journal knows of it`);
    return;
  }
  const promised = PROMISED.get(tool);
  if (promised === "read-only" || promised === "idempotent") return;
  if (count > 1 + step.again)
    breaks(`${tool} ${idempotencyKey}: ${count} effects, ${step.again} of them approved again`);
}

/** Each command to start an execution has words of its own. */
function repeated(journals: ReadonlyMap<string, JournalCheck>): readonly string[] {
  const orders = [...journals.values()].flatMap(({ events: [first] }) => (first && orderOf(first)) ?? []);
  return orders.filter((order, at) => orders.indexOf(order) !== at);
}

type View = { readonly id: string; readonly sequence: bigint; readonly event: Uint8Array };

function settleView({ id, sequence, event }: View, journals: ReadonlyMap<string, JournalCheck>, breaks: Breaks): void {
  const known = journals.get(id)?.events[Number(sequence) - 1];
  if (!known || !same(known, event)) breaks(`${id}: a client saw entry ${sequence}, which the journal does not have`);
}

type Journals = ReadonlyMap<string, JournalCheck>;

function settleOutcome(key: string, seen: ReadonlySet<string>, journals: Journals, breaks: Breaks): void {
  const [id = "", ...rest] = key.split("/");
  const outcomes = journals.get(id)?.steps.get(rest.join("/"))?.outcomes ?? [];
  const texts = new Set(outcomes.map((outcome) => fingerprint(resultOf(outcome))));
  for (const text of seen)
    if (!texts.has(text)) breaks(`${key}: a runner got an outcome that its journal does not have`);
}

/** What a runner is told of an outcome. */
function resultOf({ case: kind, value }: StepRecord["outcomes"][number]): unknown {
  return kind === "modelCallFinished" ? value : (value as { readonly result?: unknown }).result;
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(one).equals(other);
}
