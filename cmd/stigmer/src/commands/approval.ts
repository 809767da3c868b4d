import { ApprovalCommandController, ApprovalSchema, ApprovalDecision as Decision } from "@stigmer/contracts/agentic";
import type { Command } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { type GlobalOptions, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { metadataOf } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { printPages } from "../kinds/resource-printer.ts";
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
  const kind = kindOfMessage(ApprovalSchema);
  const call = { selection: { parent: options.execution }, signal: deps.interrupt };
  const pages = listPages(backend.client(), kind, call);
  await printPages(deps, kind, options.all ? pages : openOnly(pages), format);
}

export async function decide(deps: Deps, options: DecideOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const call = { signal: deps.interrupt };
  const kind = kindOfMessage(ApprovalSchema);
  const reference = { name: nameOfKind(kind, options.name), revision: "" };
  const found = await getResource(backend.client(), { kind, reference }, call);
  const { decision, comment = "" } = options;
  const id = metadataOf(found).id || options.name;
  const decided = await backend.client().service(ApprovalCommandController).decide({ id, decision, comment }, call);
  if (format === "json" || format === "yaml") return await printMessage(deps, ApprovalSchema, decided, format);
  const done = decision === Decision.APPROVED ? "approved" : "rejected";
  await deps.stdout.write(`approval/${decided.metadata?.name ?? id}${format === "name" ? "" : ` ${done}`}\n`);
}

async function* openOnly(pages: AsyncIterable<Page>): AsyncIterable<Page> {
  for await (const page of pages) {
    const items = page.items.filter(({ status }) => !(status as { readonly decision?: string } | undefined)?.decision);
    yield { ...page, items };
  }
}
