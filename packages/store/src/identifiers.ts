/** Longest identifier in bytes of UTF-8: what every driver can index, four of them in one key. */
export const MAX_IDENTIFIER_BYTES = 512;

/** Longest mark in bytes of UTF-8. */
export const MAX_MARK_BYTES = 1_024;

/** Why no driver may store `text` as an identifier; undefined where each can. Empty text is for the caller to judge. */
export function identifierProblem(text: string, most = MAX_IDENTIFIER_BYTES): string | undefined {
  if (PLAIN.test(text)) return undefined;
  const problem = textProblem(text);
  if (problem !== undefined) return problem;
  return Buffer.byteLength(text) > most ? `is longer than ${most} bytes` : undefined;
}

/** The same for text that is never looked up, such as labels: any length goes. */
export function textProblem(text: string): string | undefined {
  if (text.includes("\0")) return "holds NUL";
  return text.isWellFormed() ? undefined : "holds a lone surrogate";
}

const PLAIN = /^[\x20-\x7e]{0,512}$/;
