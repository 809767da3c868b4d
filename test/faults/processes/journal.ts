import { readFileSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  type AgentExecution,
  AgentExecutionQueryController,
  ApprovalDecision,
  type ExecutionEvent,
  ExecutionEventSchema,
  ExecutionPhase,
  ExecutionQueryController,
} from "@stigmer/contracts/agentic";
import { eventually } from "@stigmer/e2e/harness";
import { expect } from "vitest";
import { effectsIn } from "./effects.ts";
import { whileAway } from "./person.ts";

export type Entry = ExecutionEvent & { readonly sequence: number };
type EventOf<C extends NonNullable<ExecutionEvent["event"]["case"]>> = Extract<ExecutionEvent["event"], { case: C }>;

/** What a journal says so far. */
export async function journalOf(client: Client, executionId: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const stream = client.service(ExecutionQueryController).subscribe({ executionId, stopAtEnd: true });
  for await (const { message } of stream) {
    if (message.case !== "entry") continue;
    const event = fromBinary(ExecutionEventSchema, message.value.event);
    entries.push({ ...event, sequence: Number(message.value.sequence) });
  }
  return entries;
}

/** The entries of one kind, with what they say. */
export function ofKind<C extends NonNullable<ExecutionEvent["event"]["case"]>>(
  journal: readonly Entry[],
  kind: C,
): readonly (Entry & { readonly event: EventOf<C> })[] {
  return journal.filter((entry) => entry.event.case === kind) as never;
}

/** Waits until an execution has ended, whatever happens to the daemon meanwhile. */
export async function endOf(client: Client, id: string, timeoutMs = 60_000): Promise<AgentExecution> {
  const look = async (): Promise<AgentExecution | undefined> => {
    const execution = await client.service(AgentExecutionQueryController).get({ id }).catch(whileAway);
    return execution && phaseOf(execution) >= ExecutionPhase.SUCCEEDED ? execution : undefined;
  };
  try {
    return await eventually(look, `execution ${id} to end`, timeoutMs);
  } catch (cause) {
    throw new Error(`${(cause as Error).message}; its journal ends with ${await tailOf(client, id)}`, { cause });
  }
}

async function tailOf(client: Client, id: string): Promise<string> {
  const journal = await journalOf(client, id).catch(() => []);
  return journal
    .slice(-16)
    .map(({ sequence, epoch, stepKey, event, time }) => {
      const at = new Date(Number(time?.seconds) * 1000 + Number(time?.nanos) / 1e6).toISOString();
      return `\n${sequence} ${at} ${event.case} ${stepKey} epoch ${epoch}`;
    })
    .join("");
}

function phaseOf(execution: AgentExecution): ExecutionPhase {
  return execution.status?.phase ?? ExecutionPhase.UNSPECIFIED;
}

/**
 * Expects what holds of every execution, whatever died while it ran: the chain is whole, no step has two outcomes, and no
 * tool had an effect that nobody allowed.
 */
export async function expectSound(client: Client, of: { id: string; workspace: string; label: string }): Promise<void> {
  const { id, workspace, label } = of;
  const journal = await journalOf(client, id);
  const verified = await client.service(ExecutionQueryController).verify({ executionId: id });
  expect(verified, label).toMatchObject({ valid: true, brokenAt: 0n, entries: BigInt(journal.length) });
  expect(
    journal.map(({ sequence }) => sequence),
    label,
  ).toEqual(journal.map((_, index) => index + 1));
  for (const kind of ["modelCallFinished", "toolCallFinished"] as const) {
    const steps = ofKind(journal, kind).map(({ stepKey }) => stepKey);
    expect(new Set(steps).size, `${label}: outcomes of ${steps}`).toBe(steps.length);
  }
  expectEffectsAllowed(journal, { id, workspace, label });
}

function expectEffectsAllowed(
  journal: readonly Entry[],
  { id, workspace, label }: { id: string; workspace: string; label: string },
): void {
  const effects = effectsIn(workspace);
  const approvals = ofKind(journal, "approvalDecided").filter(
    ({ event }) => event.value.decision === ApprovalDecision.APPROVED,
  );
  for (const { stepKey, event } of ofKind(journal, "toolCallFinished")) {
    const own = effects.filter(({ key }) => key === `${id}/${stepKey}`);
    const tool = ofKind(journal, "toolCallStarted").find((started) => started.stepKey === stepKey)?.event.value.call
      ?.name;
    const allowed = tool === "effects__append" ? approvals.filter((one) => one.stepKey === stepKey).length : 1;
    expect(own.length, `${label}: effects of ${stepKey}`).toBeLessThanOrEqual(allowed);
    const changes = tool === "effects__append" || tool === "effects__append_once";
    if (changes && !event.value.result?.isError) expect(own.length, `${label}: ${stepKey}`).toBeGreaterThanOrEqual(1);
  }
  const steps = new Set(ofKind(journal, "toolCallStarted").map(({ stepKey }) => `${id}/${stepKey}`));
  expect(
    effects.filter(({ key }) => !steps.has(key)),
    `${label}: effects of no recorded step`,
  ).toEqual([]);
}

/** Bytes that a process has in memory: now, and at most so far. */
export function memoryOf(pid: number | undefined): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  return { now: kibOf("VmRSS") * 1024, most: kibOf("VmHWM") * 1024 };
}
