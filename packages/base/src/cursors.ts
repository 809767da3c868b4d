import { invalid } from "./faults.ts";

const FORMAT = 1;

/** An opaque page token: where the next page begins, bound to the query that made it by that query's fingerprint. */
export function encodeCursor(fingerprint: string, position: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify([FORMAT, fingerprint, position]));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** The position in a token made by `encodeCursor`; refuses rubbish and another query's token alike. */
export function decodeCursor(fingerprint: string, token: string): string {
  const position = parse(fingerprint, token);
  if (position === undefined) {
    const description = "was not made by this query; start again without a page token";
    throw invalid([{ field: "pageToken", description }], "PAGE_TOKEN_INVALID");
  }
  return position;
}

function parse(fingerprint: string, token: string): string | undefined {
  try {
    const binary = atob(token.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (!Array.isArray(value) || value.length !== 3) return undefined;
    const [format, print, position]: unknown[] = value;
    return format === FORMAT && print === fingerprint && typeof position === "string" ? position : undefined;
  } catch {
    return undefined;
  }
}
