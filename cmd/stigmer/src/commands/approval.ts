import {
  type Approval,
  ApprovalCommandController,
  ApprovalSchema,
  ApprovalDecision as Decision,
} from "@stigmer/contracts/agentic";
import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { allKinds, type Kind } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { printMessage, printPages } from "../kinds/resource-printer.ts";
import { getResource, listPages, type Page } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";

export type ListOptions = GlobalOptions & { readonly all?: boolean; readonly execution?: string };
export type DecideOptions = GlobalOptions & {
  readonly name: string;
  readonly decision: Decision.APPROVED | Decision.REJECTED;
  readonly comment?: string;
};

type Runs = {
  readonly list: (deps: Deps, options: ListOptions) => Promise<void>;
  readonly decide: (deps: Deps, options: DecideOptions) => Promise<void>;
};

export function newApprovalCommand(deps: Deps, run: Runs = { list, decide }): Command {
  const deciding = (name: string, description: string, decision: DecideOptions["decision"]): Command =>
    newLeaf(name, description)
      .argument("<id>", "id or name of the approval")
      .option("--comment <text>", "why; the model reads it where the call is rejected")
      .action((word: string, _, command: Command) =>
        run.decide(deps, { ...optionsOf<DecideOptions>(command), name: word, decision }),
      );
  return newGroup("approval", "Decides what executions ask.", [
    newLeaf("list", "Shows the questions that are open.")
      .option("--all", "those that are decided too")
      .option("--execution <id>", "only those of one execution")
      .action((_, command: Command) => run.list(deps, optionsOf<ListOptions>(command))),
    deciding("approve", "Lets the call be made, once.", Decision.APPROVED),
    deciding("reject", "Refuses the call; the execution goes on without it.", Decision.REJECTED),
  ]);
}

export async function list(deps: Deps, options: ListOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY });
  await using backend = await openBackend(deps, options);
  const call = { parent: options.execution, signal: deps.interrupt };
  const pages = listPages(backend.client(), approvalKind(), call);
  await printPages(deps, approvalKind(), options.all ? pages : openOnly(pages), format);
}

export async function decide(deps: Deps, options: DecideOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const call = { signal: deps.interrupt };
  const found = (await getResource(
    backend.client(),
    approvalKind(),
    nameOfKind(approvalKind(), options.name),
    call,
  )) as Approval;
  const { decision, comment = "" } = options;
  const id = found.metadata?.id ?? options.name;
  const decided = await backend.client().service(ApprovalCommandController).decide({ id, decision, comment }, call);
  if (format === "json" || format === "yaml") return await printMessage(deps, ApprovalSchema, decided, format);
  const done = decision === Decision.APPROVED ? "approved" : "rejected";
  await deps.stdout.write(`approval/${decided.metadata?.name ?? id}${format === "name" ? "" : ` ${done}`}\n`);
}

async function* openOnly(pages: AsyncIterable<Page>): AsyncIterable<Page> {
  for await (const page of pages) {
    const items = page.items.filter((item) => !(item as Approval).status?.decision);
    yield { ...page, items };
  }
}

function approvalKind(): Kind {
  const kind = allKinds().find(({ schema }) => schema.typeName === ApprovalSchema.typeName);
  if (!kind) throw new Error("the contract has no approvals");
  return kind;
}
