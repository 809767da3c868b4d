import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { type GlobalOptions, newLocalLeaf, optionsOf } from "../command-line.ts";
import { type Docs, firstSentence, loadDocs } from "../contract/docs.ts";
import { ruleTexts } from "../contract/rule-text.ts";
import { messageRules } from "../contract/rules.ts";
import { messageBelow, typeText } from "../contract/type-text.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { allKinds, findKind, type Kind } from "../kinds/kinds.ts";
import { messageOf } from "../kinds/registry.ts";
import { nearest } from "../output/nearest.ts";
import { paintFor } from "../output/paint.ts";
import { wrapText } from "../output/wrap.ts";

export type Options = GlobalOptions & { readonly path: string; readonly recursive?: boolean };

export function newExplainCommand(deps: Deps, run = explainPath): Command {
  return newLocalLeaf("explain", "Says what a kind or a field of it means, and what its value must be.")
    .argument("<path>", "a kind, and fields of it after points: agent.spec.mcpServers")
    .option("--recursive", "all fields below it, as a tree")
    .action((path: string, _, command: Command) => run(deps, { ...optionsOf<GlobalOptions>(command), path }));
}

/** Reads the contract that this program was built with; asks no backend. */
export async function explainPath(deps: Deps, options: Options): Promise<void> {
  const [word = "", ...names] = options.path.split(".");
  const kind = findKind(allKinds(), word);
  const found = lookUp(kind, names);
  const docs = await loadDocs();
  const page = newPage(deps);
  page.facts({ kind, ...found });
  page.section("DESCRIPTION", [...page.wrapped(docs.of(found.field ? nameOfField(found.field) : kind.typeName))]);
  const rules = found.field ? ruleTexts(found.field) : [];
  page.section(
    "RULES",
    rules.flatMap((rule) => page.wrapped(rule, "- ")),
  );
  page.section(
    "VALUES",
    valuesOf(found.field, docs).flatMap(([name, text]) => [name, ...page.wrapped(text, "    ")]),
  );
  const { message } = found;
  if (message) {
    page.section(
      "BETWEEN FIELDS",
      messageRules(message).flatMap((rule) => page.wrapped(rule.message, "- ")),
    );
    page.section("FIELDS", options.recursive ? tree(message, []) : listed(page, message, docs));
  }
  await deps.stdout.write(page.text());
}

type Found = { readonly path: string; readonly field?: DescField; readonly message?: DescMessage | undefined };

/** The field at the end of a path of names, as JSON or Protobuf spells them; lists and maps are passed through. */
function lookUp(kind: Kind, names: readonly string[]): Found {
  let found: Found = { path: "", message: messageOf(kind) };
  for (const name of names) {
    const fields = found.message?.fields ?? [];
    const plain = name.replace(/\[.*\]$/, "");
    const field = fields.find((known) => known.jsonName === plain || known.name === plain);
    if (!field) throw unknown(found.path || kind.kind, plain, fields);
    const path = found.path ? `${found.path}.${field.jsonName}` : field.jsonName;
    found = { path, field, message: messageBelow(field) };
  }
  return found;
}

function unknown(path: string, name: string, fields: readonly DescField[]): Error {
  const known = fields.map(({ jsonName }) => jsonName);
  const near = nearest(name, known);
  const next = near
    ? `did you mean ${near}?`
    : known.length > 0
      ? `its fields: ${known.join(", ")}`
      : "it has no fields";
  return misused(`${path} has no field "${name}"`, next);
}

function nameOfField(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

function valuesOf(field: DescField | undefined, docs: Docs): (readonly [name: string, text: string])[] {
  const values = field?.enum?.values.filter(({ number }) => number !== 0) ?? [];
  return values.map(({ name, parent }) => [name, docs.of(`${parent.typeName}.${name}`)]);
}

function listed(page: Page, message: DescMessage, docs: Docs): string[] {
  return message.fields.flatMap((field) => {
    const flags = ruleTexts(field).filter((text) => text === "required");
    const head = `${field.jsonName} <${typeText(field)}>${flags.length > 0 ? " required" : ""}`;
    return [head, ...page.wrapped(firstSentence(docs.of(nameOfField(field))), "    ")];
  });
}

/** A message within itself is named and not entered again. */
function tree(message: DescMessage, above: readonly DescMessage[]): string[] {
  if (above.includes(message)) return [];
  return message.fields.flatMap((field) => {
    const below = messageBelow(field);
    const inside = below ? tree(below, [...above, message]) : [];
    return [`${field.jsonName} <${typeText(field)}>`, ...inside.map((line) => `  ${line}`)];
  });
}

const WIDTH = 100;

/** The text of an explanation, as it grows. */
type Page = {
  facts(of: Found & { readonly kind: Kind }): void;
  section(heading: string, lines: readonly string[]): void;
  wrapped(text: string, before?: string): string[];
  text(): string;
};

function newPage(deps: Pick<Deps, "stdout" | "env">): Page {
  const lines: string[] = [];
  const { bold } = paintFor(deps.stdout, deps.env);
  const width = Math.min(WIDTH, deps.stdout.columns);
  return {
    facts({ kind, path, field }) {
      lines.push(`${bold("KIND:")}     ${kind.kind}`, `${bold("VERSION:")}  ${kind.apiVersion}`);
      if (field) lines.push(`${bold("FIELD:")}    ${path} <${typeText(field)}>`);
    },
    section(heading, inside) {
      if (inside.length > 0) lines.push("", bold(`${heading}:`), ...inside.map((line) => `  ${line}`));
    },
    wrapped(text, before = "") {
      const rest = before.replace(/\S/g, " ");
      return wrapText(text, width - 2 - before.length).map((line, at) => `${at === 0 ? before : rest}${line}`);
    },
    text: () => `${lines.map((line) => line.trimEnd()).join("\n")}\n`,
  };
}
