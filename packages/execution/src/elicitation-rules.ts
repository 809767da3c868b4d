import type { Violation } from "@stigmer/base";
import { ApprovalDecision, type DecideApprovalRequest } from "@stigmer/contracts/agentic";

type Answer = Pick<DecideApprovalRequest, "decision" | "scope" | "arguments">;

/**
 * What is wrong with an answer to a tool server's question: an approval brings what its form asks for, and nothing covers more
 * than the one question.
 */
export function answerViolations(
  { decision, scope, arguments: filled }: Answer,
  { inputSchema, url }: { readonly inputSchema: string; readonly url: string },
  problemOf: (json: string, schema: string) => string | undefined,
): Violation[] {
  const violations: Violation[] = [];
  if (scope) violations.push({ field: "scope", description: "a question of a tool server is answered alone" });
  if (decision !== ApprovalDecision.APPROVED) {
    if (filled) violations.push({ field: "arguments", description: "only with an approval" });
    return violations;
  }
  const problem = url
    ? filled && "the server asks for nothing but to open its URL"
    : formProblem(filled, inputSchema, problemOf);
  if (problem) violations.push({ field: "arguments", description: problem });
  return violations;
}

function formProblem(
  filled: string,
  schema: string,
  problemOf: (json: string, schema: string) => string | undefined,
): string | undefined {
  if (!filled) return "are required: what the server's form asks for, as JSON";
  return problemOf(filled, schema);
}

const MOST_FORM_FIELDS = 64;

/** Why a tool server's question is not put to a person; undefined where it is. */
export function questionProblem({
  schema,
  url,
}: {
  readonly schema: string;
  readonly url: string;
}): string | undefined {
  if (schema && url) return "it asks with a form and a URL at once";
  if (url) return isWebAddress(url) ? undefined : "its URL is no address of the web";
  return isForm(schema) ? undefined : "its form is no JSON schema of an object";
}

/** What a browser would run instead of open is none. */
function isWebAddress(url: string): boolean {
  const parsed = URL.parse(url);
  return (
    parsed !== null &&
    (parsed.protocol === "https:" || parsed.protocol === "http:") &&
    !parsed.username &&
    !parsed.password
  );
}

function isForm(schema: string): boolean {
  try {
    const form: unknown = JSON.parse(schema);
    if (typeof form !== "object" || form === null || Array.isArray(form)) return false;
    const { type, properties = {} } = form as { readonly type?: unknown; readonly properties?: unknown };
    if (type !== "object" || typeof properties !== "object" || properties === null) return false;
    return Object.keys(properties).length <= MOST_FORM_FIELDS;
  } catch {
    return false;
  }
}
