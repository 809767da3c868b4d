import { messageIn } from "./error-detail.ts";
import { type JsonObject, objectOf, stringOf } from "./json-value.ts";
import { Trouble } from "./trouble.ts";

/** Statuses of what vendors say by a word where the status line is gone. */
const STATUSES = new Map([
  ["invalid_request_error", 400],
  ["invalid_prompt", 400],
  ["context_length_exceeded", 400],
  ["exceed_context_size_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["insufficient_quota", 429],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["model_not_found", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["rate_limit_exceeded", 429],
  ["timeout_error", 504],
  ["overloaded_error", 529],
]);

/** The error that stands in an answer that had begun, or in one whose status was 200. What no word explains may be tried again. */
export function streamError(value: JsonObject): Trouble {
  const inner = objectOf(value.error);
  const words = [inner.code, inner.type, value.code].map(stringOf);
  const known = words.flatMap((word) => STATUSES.get(word) ?? []);
  const status = known[0] ?? (typeof inner.code === "number" ? inner.code : undefined);
  const said = messageIn(value) ?? "it does not say why";
  if (status === undefined) return new Trouble(`it failed while it answered: ${said}`);
  const code = words.find((word) => word !== "") ?? "";
  return new Trouble(JSON.stringify({ error: { code, message: said } }), { status });
}
