import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Approval,
  ApprovalCause,
  ApprovalQueryController,
  ApprovalSchema,
  type ApprovalSpec,
} from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { argumentsText, causeText, expiryText } from "../execution/approval-text.ts";
import { decisionName, scopeText } from "../execution/life-text.ts";
import { fieldText } from "../form/form-text.ts";
import { readForm } from "../form/read-form.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { isId } from "../kinds/resources.ts";
import { formatOf } from "../output/format.ts";
import { paintFor } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";
import { relativeTime } from "../output/relative-time.ts";
import { formatDelimited } from "../output/table.ts";

export type ShowOptions = GlobalOptions & { readonly name: string };

/** Shows one approval whole: what is asked, by whom, bound to which definition, until when, and how it was decided. */
export async function show(deps: Deps, options: ShowOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const kind = kindOfMessage(ApprovalSchema);
  const name = nameOfKind(kind, options.name);
  const queries = backend.client().service(ApprovalQueryController);
  const call = { signal: deps.interrupt };
  const approval = await (isId(kind, name) ? queries.get({ id: name }, call) : queries.getByReference({ name }, call));
  if (format === "json" || format === "yaml") return await printMessage(deps, ApprovalSchema, approval, format);
  if (format === "name") return await deps.stdout.write(`approval/${approval.metadata?.name}\n`);
  const facts = factsOf(approval, deps.clock.now());
  if (format === "delimited") return await deps.stdout.write(facts.map(({ row }) => formatDelimited(row)).join(""));
  const paint = paintFor(deps.stdout, deps.env);
  await deps.stdout.write(
    facts.map(({ row: [label = ""], text }) => `${paint.bold(label.padEnd(18))}${text}\n`).join(""),
  );
}

type Fact = {
  /** For a program: label and value, times as RFC 3339. */
  readonly row: readonly string[];
  /** For a person. */
  readonly text: string;
};

function factsOf({ metadata, spec, status }: Approval, now: number): readonly Fact[] {
  if (!spec) return [];
  const word = decisionName(status?.decision ?? 0) || (status?.escalateTime ? "open, escalated" : "open");
  const expires = spec.expireTime ? [timeFact("expires", spec.expireTime, expiryText(spec, now))] : [];
  return [
    fact("id", metadata?.id),
    fact("state", [word, scopeText(status?.scope ?? 0), status?.decidedBy && `by ${status.decidedBy}`]),
    fact("comment", status?.comment),
    ...(metadata?.createTime ? [timeFact("asked", metadata.createTime, ageText(metadata.createTime, now))] : []),
    ...(status?.decision ? [] : expires),
    fact("execution", spec.rootExecutionId || spec.executionId),
    fact("asked by", spec.rootExecutionId && spec.executionId),
    fact("agent", spec.agent),
    fact("step", spec.stepKey),
    fact("tool", spec.tool),
    fact("server", spec.server),
    fact("it asks", spec.message),
    fact("open", spec.url),
    ...formFacts(spec),
    { row: ["arguments", spec.arguments], text: block(spec.arguments) },
    ...(status?.arguments ? [{ row: ["made with", status.arguments], text: block(status.arguments) }] : []),
    fact("its author says", spec.toolDescription),
    fact("because", causeText(spec.cause)),
    fact("definition digest", spec.definitionDigest),
    fact("digest", spec.digest),
  ].filter(({ row }) => row[1]);
}

/** What a tool server's form asks for. */
function formFacts({ cause, url, inputSchema }: ApprovalSpec): readonly Fact[] {
  if (cause !== ApprovalCause.ELICITATION || url) return [];
  const fields = readForm(inputSchema).map((field) => `    ${fieldText(field)}`);
  return [{ row: ["fill in", inputSchema], text: ["", ...fields].join("\n") }];
}

function fact(label: string, value: string | undefined | readonly (string | undefined)[]): Fact {
  const whole = typeof value === "string" ? value : (value ?? []).filter(Boolean).join(" ");
  return { row: [label, whole], text: printableLine(whole) };
}

type Time = Parameters<typeof timestampDate>[0];

function timeFact(label: string, time: Time, text: string): Fact {
  return { row: [label, timestampDate(time).toISOString()], text };
}

function ageText(time: Time, now: number): string {
  const date = timestampDate(time);
  return `${relativeTime(date.getTime(), now)} ago (${date.toISOString()})`;
}

function block(json: string): string {
  return `\n    ${argumentsText(json)}`;
}
