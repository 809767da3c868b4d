import { isObject, parseJson } from "./json-value.ts";

const MAX_DETAIL = 500;
const HIDDEN = "[key]";

/** What a provider's error body says in words, on one line, bounded and without the key; empty where it says nothing. */
export function errorDetail(body: string, key: string | undefined): string {
  return tidy(messageIn(parseJson(body)) ?? body, key);
}

/** The message in an error object. OpenAI nests it; others have it on top, under one name or another. */
export function messageIn(value: unknown, depth = 2): string | undefined {
  if (typeof value === "string") return value;
  if (!isObject(value) || depth === 0) return undefined;
  const [found] = [value.error, value.message, value.detail].flatMap((inner) => messageIn(inner, depth - 1) ?? []);
  return found;
}

/** `text` on one line, without the key in any form, no longer than a reader bears. */
export function tidy(text: string, key: string | undefined): string {
  const line = withoutKey(text, key)
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim();
  return line.length > MAX_DETAIL ? `${line.slice(0, MAX_DETAIL).toWellFormed()}…` : line;
}

function withoutKey(text: string, key: string | undefined): string {
  if (!key) return text;
  const forms = [key, encodeURIComponent(key), Buffer.from(key).toString("base64"), JSON.stringify(key).slice(1, -1)];
  return forms.reduce((rest, form) => rest.replaceAll(form, HIDDEN), text);
}
