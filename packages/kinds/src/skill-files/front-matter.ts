import { isAlias, parseDocument, visit } from "yaml";

/** What a skill says of itself at the head of its `SKILL.md`. */
export type FrontMatter = { readonly name: string; readonly description: string };

const MAX_HEAD = 64 * 1024;
const HEAD = /^\uFEFF?---[ \t]*\r?\n(?<head>[\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;

/** The front matter of a `SKILL.md`, its description on one line; or what is wrong with it. */
export function frontMatterOf(text: string): FrontMatter | { readonly problem: string } {
  const head = HEAD.exec(text.slice(0, MAX_HEAD))?.groups?.head;
  if (head === undefined) return { problem: "must begin with front matter: YAML between two lines of ---" };
  const document = parseDocument(head, { schema: "core", logLevel: "silent" });
  const [error] = document.errors;
  if (error) return { problem: `has front matter that is no YAML: ${error.message.split("\n")[0]}` };
  let hasAlias = false;
  visit(document, (_, node) => {
    hasAlias ||= isAlias(node);
  });
  // An alias of aliases is a small text of an enormous value.
  if (hasAlias) return { problem: "has front matter with aliases" };
  const { name, description } = fieldsOf(document.toJS());
  if (typeof name !== "string" || name === "") return { problem: "must have a name in its front matter" };
  if (typeof description !== "string" || description.trim() === "")
    return { problem: "must have a description in its front matter" };
  return { name, description: description.replace(/\s+/g, " ").trim() };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
