export type Line = { readonly text: string; readonly number: number };

/** A fenced block: the first word of its fence, where it begins, its text, and the line of prose right before it. */
export type Fence = {
  readonly language: string;
  readonly line: number;
  readonly code: string;
  readonly before: string;
};

export type Markdown = { readonly fences: readonly Fence[]; readonly prose: readonly Line[] };

/** Parts a text into its fenced blocks and the lines outside them. A fence that nobody closes reaches to the end. */
export function parseMarkdown(text: string): Markdown {
  const fences: Fence[] = [];
  const prose: Line[] = [];
  const lines = text.split(/\r?\n/);
  let before = "";
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const opening = /^( *)(`{3,}|~{3,}) *([^`\s]*)[^`]*$/.exec(line);
    if (!opening) {
      prose.push({ text: line, number: at + 1 });
      if (line.trim() !== "") before = line.trim();
      continue;
    }
    const [, indent = "", mark = "", language = ""] = opening;
    const body = bodyOf(lines.slice(at + 1), mark);
    fences.push({ language, line: at + 1, code: unindent(body, indent.length), before });
    before = "";
    at += body.length + 1;
  }
  return { fences, prose };
}

function bodyOf(lines: readonly string[], mark: string): readonly string[] {
  const end = lines.findIndex((line) => {
    const closing = line.trim();
    return closing.length >= mark.length && closing === mark.charAt(0).repeat(closing.length);
  });
  return end < 0 ? lines : lines.slice(0, end);
}

function unindent(lines: readonly string[], indent: number): string {
  return lines.map((line) => line.slice(Math.min(indent, line.search(/\S|$/)))).join("\n");
}

/** The anchors that GitHub gives to a text's headings, and those that it sets itself with `id` or `name`. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const { prose } = parseMarkdown(text);
  for (const [at, line] of prose.entries()) {
    for (const [, id = ""] of line.text.matchAll(/<[^>]+\s(?:id|name)="([^"]+)"/g)) anchors.add(id);
    const heading = headingAt(prose, at);
    if (heading !== undefined) addSlug(anchors, slugOf(heading));
  }
  return anchors;
}

function headingAt(prose: readonly Line[], at: number): string | undefined {
  const { text = "" } = prose[at] ?? {};
  const below = prose[at + 1]?.text ?? "";
  const hashed = /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(text)?.[1];
  if (hashed !== undefined) return hashed;
  return /^ {0,3}[^\s#>|-]/.test(text) && /^ {0,3}(?:=+|-+)\s*$/.test(below) ? text : undefined;
}

function addSlug(anchors: Set<string>, slug: string): void {
  let name = slug;
  for (let again = 1; anchors.has(name); again += 1) name = `${slug}-${again}`;
  anchors.add(name);
}

function slugOf(heading: string): string {
  const shown = heading.replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/<[^>]+>/g, "");
  return shown
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

/** Where a text links to: in brackets, as a reference's definition, or in HTML. Code is not looked at. */
export function linksOf(text: string): readonly Line[] {
  return parseMarkdown(text).prose.flatMap(({ text: line, number }) => {
    const shown = line.replaceAll(/(`+)[^`].*?\1/g, "");
    const found = [
      ...shown.matchAll(/\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s()]*)*)>?(?:\s+["'(][^)]*)?\s*\)/g),
      ...shown.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^\s<>]+)>?/g),
      ...shown.matchAll(/<[^>]+\s(?:href|src)="([^"]*)"/g),
    ];
    return found.map(([, target = ""]) => ({ text: target, number }));
  });
}
