import { type Client, clientOver, isFault } from "@stigmer/client";
import {
  type AgentExecution,
  AgentExecutionQueryController,
  ExecutionQueryController,
  type JournalEntry,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { isFinal } from "./journal-check.ts";
import type { Ledger } from "./ledger.ts";
import type { Network } from "./network.ts";
import { transportOver } from "./transport.ts";

/** Asks the backend, as any client could, whether what it holds is right. */
export interface Inspector {
  /** Compares every execution with its journal and the journal with what is known of it. */
  inspect(when: "running" | "at rest"): Promise<void>;
  /** Executions that have not ended. */
  unfinished(): Promise<readonly string[]>;
}

export type InspectorDeps = { readonly network: Network; readonly ledger: Ledger };

export function createInspector({ network, ledger }: InspectorDeps): Inspector {
  const process = network.time.spawn("inspector");
  const client = clientOver(transportOver({ network, client: process }), { url: "sim" });
  const list = async (): Promise<readonly AgentExecution[]> =>
    (await client.service(AgentExecutionQueryController).list({ pageSize: 1_000 })).items;
  const as = <T>(act: () => Promise<T>): Promise<T> => network.time.as(process, act);
  return {
    unfinished: () =>
      as(async () => {
        const open = (await list()).filter(({ status }) => !isFinal(status?.phase ?? Phase.UNSPECIFIED));
        return open.map((one) => `${one.metadata?.id} is ${Phase[one.status?.phase ?? 0]}`);
      }),
    inspect: (when) =>
      as(async () => {
        const known = [...ledger.journals.keys()];
        const executions = await list();
        const listed = new Set(executions.map(({ metadata }) => metadata?.id ?? ""));
        for (const id of known) if (!listed.has(id)) ledger.breaks(`${id}: has a journal and no record`);
        for (const execution of executions) await inspectOne(client, ledger, { execution, when });
      }),
  };
}

type Inspected = { readonly execution: AgentExecution; readonly when: "running" | "at rest" };

async function inspectOne(client: Client, ledger: Ledger, { execution, when }: Inspected): Promise<void> {
  const executionId = execution.metadata?.id ?? "";
  const service = client.service(ExecutionQueryController);
  const entries: JournalEntry[] = [];
  const knownThen = ledger.journals.get(executionId)?.events.length ?? 0;
  try {
    for await (const { message } of service.subscribe({ executionId, stopAtEnd: true }))
      if (message.case === "entry") entries.push(message.value);
  } catch (error) {
    if (isFault(error, "RESOURCE_NOT_FOUND")) return ledger.breaks(`${executionId}: has a record and no journal`);
    throw error;
  }
  ledger.compare(executionId, entries, knownThen);
  const verified = await service.verify({ executionId });
  if (!verified.valid) ledger.breaks(`${executionId}: verify says broken at ${verified.brokenAt}`);
  compareStatus(ledger, execution, when);
}

/** The record says what its part of the journal says; at rest, what the whole of it says. */
function compareStatus(ledger: Ledger, { metadata, status }: AgentExecution, when: Inspected["when"]): void {
  const id = metadata?.id ?? "";
  const history = ledger.journals.get(id)?.view.history ?? [];
  const covered = when === "at rest" ? history.length : Number(status?.sequence ?? 0n);
  const told = history[covered - 1];
  const { inputTokens = 0n, outputTokens = 0n } = status?.usage ?? {};
  const says = `${Phase[status?.phase ?? 0]} ${status?.turns} ${status?.output} ${inputTokens + outputTokens}`;
  const folds = told && `${Phase[told.phase]} ${told.turns} ${told.output} ${told.tokens}`;
  if (says !== folds) ledger.breaks(`${id}: the record at ${covered} says "${says}", its journal "${folds}"`);
}
