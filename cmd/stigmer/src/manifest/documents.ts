import { type Alias, type Document, isAlias, isNode, LineCounter, type Node, parseAllDocuments, visit } from "yaml";
import type { Place, Problem } from "./place.ts";
import type { Source } from "./sources.ts";

/** One document of a source, read but not yet understood. */
export type ParsedDocument = {
  readonly contents: Node;
  /** What a node is: itself, or what an alias stands for. */
  readonly resolve: (node: Node) => Node;
  readonly placeOf: (node: Node | null | undefined) => Place;
};

export type ParsedSource = { readonly documents: readonly ParsedDocument[]; readonly problems: readonly Problem[] };

const MAX_ALIASES = 100;
const CORE_TAGS = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);

/** Reads YAML of any number of documents, or JSON. Empty documents are left out. */
export function parseSource({ name, text }: Source): ParsedSource {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file: name, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const jsonError = name.endsWith(".json") ? jsonProblem(text) : undefined;
  const read = readYaml(text, lines);
  if (typeof read === "string") return { documents: [], problems: [problem(placeAt(0), read)] };
  const problems = read.flatMap((document) =>
    [...document.errors, ...document.warnings].map((error) => problem(placeAt(error.pos[0]), error.message)),
  );
  // The reader of YAML says better where something is wrong, but takes more than JSON.
  if (problems.length === 0 && jsonError) problems.push(problem(placeAt(jsonError.offset), jsonError.message));
  if (problems.length > 0) return { documents: [], problems };
  const documents: ParsedDocument[] = [];
  for (const document of read) {
    const placeOf = (node: Node | null | undefined): Place => placeAt(node?.range?.[0] ?? document.range[0]);
    const { targets, problems: found } = resolveAliases(document, placeOf);
    problems.push(...found);
    if (found.length > 0 || !isNode(document.contents) || isEmpty(document.contents)) continue;
    documents.push({ contents: document.contents, resolve: (node) => follow(targets, node), placeOf });
  }
  return { documents, problems };
}

function readYaml(text: string, lineCounter: LineCounter): Document.Parsed[] | string {
  try {
    const options = { version: "1.2", schema: "core", uniqueKeys: true, intAsBigInt: true } as const;
    const read = parseAllDocuments(text, { ...options, lineCounter, prettyErrors: false });
    return Array.isArray(read) ? read : [];
  } catch (error) {
    if (error instanceof RangeError) return "is nested too deeply";
    throw error;
  }
}

type Aliases = { readonly targets: ReadonlyMap<Alias, Node>; readonly problems: readonly Problem[] };

/** What each alias stands for: the newest node before it that has the anchor. Refuses tags on the way. */
function resolveAliases(document: Document.Parsed, placeOf: (node: Node) => Place): Aliases {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  const problems: Problem[] = [];
  visit(document, {
    Node(_, node) {
      const { tag } = node as { tag?: string };
      if (tag && !CORE_TAGS.has(tag)) problems.push(problem(placeOf(node), "tags are not supported"));
      if ("anchor" in node && node.anchor) anchors.set(node.anchor, node);
      if (!isAlias(node)) return;
      const target = anchors.get(node.source);
      if (target) targets.set(node, target);
      else problems.push(problem(placeOf(node), `there is no anchor "${node.source}" before this alias`));
      if (targets.size === MAX_ALIASES + 1) problems.push(problem(placeOf(node), `more than ${MAX_ALIASES} aliases`));
    },
  });
  return { targets, problems };
}

function follow(targets: ReadonlyMap<Alias, Node>, node: Node): Node {
  let at = node;
  while (isAlias(at)) {
    const target = targets.get(at);
    if (!target) return at;
    at = target;
  }
  return at;
}

function isEmpty(node: Node): boolean {
  return "value" in node && node.value === null;
}

/** What JSON's own reader has against a text, and where. */
function jsonProblem(text: string): { readonly offset: number; readonly message: string } | undefined {
  const error = jsonError(text);
  return error && { offset: error.offset ?? firstBadOffset(text), message: "is not JSON" };
}

type JsonError = {
  /** Where it is wrong; undefined where the reader does not say. */
  readonly offset: number | undefined;
  /** Whether more text could make it right. */
  readonly atEnd: boolean;
};

function jsonError(text: string): JsonError | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const position = /at position (\d+)/.exec(message)?.[1];
    const offset = position === undefined ? undefined : Number(position);
    const isCut = /unexpected end|unterminated/i.test(message);
    return { offset: isCut ? text.length : offset, atEnd: isCut || (offset ?? 0) >= text.length };
  }
}

/** The reader hides the place of some errors; the shortest start of the text that nothing could make right has it. */
function firstBadOffset(text: string): number {
  let good = 0;
  let bad = text.length;
  while (good + 1 < bad) {
    const middle = Math.floor((good + bad) / 2);
    const error = jsonError(text.slice(0, middle));
    if (!error || error.atEnd) good = middle;
    else bad = middle;
  }
  return good;
}

function problem(place: Place, message: string): Problem {
  return { place, path: "", message: message.charAt(0).toLowerCase() + message.slice(1) };
}
