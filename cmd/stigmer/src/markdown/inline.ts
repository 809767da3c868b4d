import type { Token, Tokens } from "marked";
import type { Style } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";
import type { Span } from "./spans.ts";

/** Whether marks of emphasis stay in the text, as where there is no colour to say the same. */
export type Marks = { readonly keepMarks: boolean };

const STYLED: Readonly<Record<string, { readonly style: Style; readonly mark: string }>> = {
  strong: { style: "bold", mark: "**" },
  em: { style: "italic", mark: "*" },
  del: { style: "strike", mark: "~~" },
};

/** Inline tokens as text in styles. A link says where it leads; an image is its description. Nothing in it moves a cursor. */
export function inlineSpans(tokens: readonly Token[] | undefined, of: Marks, styles: readonly Style[] = []): Span[] {
  return (tokens ?? []).flatMap((token) => spansOf(token, of, styles));
}

function spansOf(token: Token, of: Marks, styles: readonly Style[]): Span[] {
  const styled = STYLED[token.type];
  if (styled) {
    const inside = inlineSpans((token as Tokens.Strong).tokens, of, [...styles, styled.style]);
    return of.keepMarks ? [plain(styled.mark, styles), ...inside, plain(styled.mark, styles)] : inside;
  }
  switch (token.type) {
    case "br":
      return [{ text: "\n", styles }];
    case "codespan": {
      const { text } = token as Tokens.Codespan;
      return [plain(of.keepMarks ? `\`${text}\`` : text, [...styles, "cyan"])];
    }
    case "link":
      return linkSpans(token as Tokens.Link, of, styles);
    case "image":
      return [plain(`[image: ${decoded((token as Tokens.Image).text) || (token as Tokens.Image).href}]`, styles)];
    case "text":
    case "escape": {
      const { tokens, text } = token as Tokens.Text;
      return tokens ? inlineSpans(tokens, of, styles) : [plain(decoded(text), styles)];
    }
    default:
      return [plain(token.raw, styles)];
  }
}

/** A terminal's own links would hide where they lead. */
function linkSpans({ href, text, tokens }: Tokens.Link, of: Marks, styles: readonly Style[]): Span[] {
  const shown = inlineSpans(tokens, of, [...styles, "underline"]);
  const isSame = [text, `mailto:${text}`].includes(href);
  return isSame ? shown : [...shown, plain(` (${href})`, [...styles, "dim"])];
}

function plain(text: string, styles: readonly Style[]): Span {
  // A line end in a paragraph is a blank.
  return { text: printableLine(text.replaceAll(/\s*\n\s*/g, " ").replaceAll("\t", " ")), styles };
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", apos: "'", nbsp: " " },
};

function decoded(text: string): string {
  return text.replaceAll(/&(#39|[a-z]{2,4});/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
