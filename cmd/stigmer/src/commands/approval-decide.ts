import {
  type Approval,
  ApprovalCause,
  ApprovalCommandController,
  ApprovalSchema,
  ApprovalDecision as Decision,
  ApprovalScope as Scope,
} from "@stigmer/contracts/agentic";
import { isOpen } from "../approval/inbox.ts";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { checkArguments, editArguments } from "../execution/edit-arguments.ts";
import { explainFields } from "../execution/explain-fields.ts";
import { decisionName, scopeText } from "../execution/life-text.ts";
import { prompt } from "../execution/prompt.ts";
import { failed, misused } from "../failure.ts";
import { askForm } from "../form/ask-form.ts";
import { metadataOf, type Resource } from "../kinds/columns.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";
import { type Format, formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";

export type DecideOptions = GlobalOptions & {
  readonly names: readonly string[];
  readonly decision: Decision.APPROVED | Decision.REJECTED | Decision.SKIPPED;
  readonly comment?: string;
  /** What an approval covers beside the call; this call alone unless told. */
  readonly scope?: "once" | "tool" | "server";
  /** Arguments with which the call is made instead, as JSON. */
  readonly arguments?: string;
  /** Have them edited on the terminal. */
  readonly edit?: boolean;
};

const SCOPES = { once: Scope.ONCE, tool: Scope.TOOL, server: Scope.SERVER } as const;

/** Decides approvals one after the other; what was decided before one fails stays decided, and was said. */
export async function decide(deps: Deps, options: DecideOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  const { names, edit, arguments: given } = options;
  if (edit && given !== undefined) throw misused("--edit can't stand beside --arguments", "leave one out");
  if (names.length > 1 && (edit || given !== undefined))
    throw misused("arguments can be changed for one approval at a time", "name one");
  if (edit && !(deps.stdin.isTTY && deps.stdout.isTTY))
    throw misused("nobody is there to edit", "give them: --arguments '{…}'");
  if (given !== undefined) checkArguments(given);
  await using backend = await openBackend(deps, options);
  for (const name of names) await print(deps, await decideOne(deps, backend, { ...options, name }), format);
}

async function decideOne(
  deps: Deps,
  backend: Backend,
  options: DecideOptions & { readonly name: string },
): Promise<Approval> {
  const { name, decision, comment = "", scope } = options;
  const kind = kindOfMessage(ApprovalSchema);
  const reference = { name: nameOfKind(kind, name), revision: "" };
  const found = await getResource(backend.client(), { kind, reference }, { signal: deps.interrupt });
  const request = {
    ...{ id: metadataOf(found).id || name, decision, comment },
    scope: scope ? SCOPES[scope] : Scope.UNSPECIFIED,
    arguments: await argumentsFor(deps, found, options),
  };
  try {
    return await backend.client().service(ApprovalCommandController).decide(request, { signal: deps.interrupt });
  } catch (error) {
    const words = { arguments: "--arguments", scope: "--scope", comment: "--comment" };
    throw explainFields(error, { words, next: `see what is asked: stigmer approval show ${name}` });
  }
}

async function argumentsFor(deps: Deps, approval: Resource, options: DecideOptions): Promise<string> {
  if (options.edit) return await edited(deps, approval);
  if (options.arguments !== undefined || options.decision !== Decision.APPROVED) return options.arguments ?? "";
  const { cause = "", url = "", inputSchema = "" } = (approval.spec ?? {}) as Readonly<Record<string, string>>;
  const isForm = cause === "APPROVAL_CAUSE_ELICITATION" && !url && isOpen(approval);
  return isForm ? await filledIn(deps, inputSchema) : "";
}

/** A tool server's form is filled in on the terminal, one field after the other. */
async function filledIn(deps: Deps, schema: string): Promise<string> {
  if (!(deps.stdin.isTTY && deps.stderr.isTTY))
    throw misused("a tool server's form has to be filled in", "give what it asks for: --arguments '{…}'");
  const content = await askForm(deps, schema, (text) => prompt(deps, text, deps.interrupt));
  if (content !== undefined) return content;
  throw failed("the form was not filled in; nothing was decided", "reject the question, or skip it");
}

/** Nothing is decided where the person changes nothing: who wanted that needs no editor. */
async function edited(deps: Deps, approval: Resource): Promise<string> {
  const { arguments: json = "" } = (approval.spec ?? {}) as { readonly arguments?: string };
  const text = await editArguments(deps, json);
  if (text !== undefined) return text;
  throw failed("the arguments are as they were; nothing was decided", "approve it as it is: leave out --edit");
}

async function print(deps: Deps, decided: Approval, format: Format): Promise<void> {
  if (format === "yaml") await deps.stdout.write("---\n");
  if (format === "json" || format === "yaml") return await printMessage(deps, ApprovalSchema, decided, format);
  const name = `approval/${decided.metadata?.name}`;
  const { decision = Decision.UNSPECIFIED, scope = Scope.UNSPECIFIED, arguments: args } = decided.status ?? {};
  const isForm = decided.spec?.cause === ApprovalCause.ELICITATION;
  const how = isForm ? "with what was filled in" : "with other arguments";
  const words = [name, decisionName(decision), scopeText(scope), args && how];
  await deps.stdout.write(`${printableLine(format === "name" ? name : words.filter(Boolean).join(" "))}\n`);
}
