import { runInNewContext } from "node:vm";
import { type Schema, Validator } from "@cfworker/json-schema";
import { Failure } from "@stigmer/sdk";
import { canonicalJson } from "./canonical-json.ts";

/** An answer as canonical JSON, or what is wrong with it, in words for the model. */
export type CheckedOutput =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly problem: string };

const LONGEST_ANSWER = 1024 * 1024;
/** What walks the value calls itself once for each level. */
const MAX_DEPTH = 100;
const MAX_PROBLEMS = 5;
const LONGEST_PROBLEM = 300;
const TIME_MS = 1_000;

/**
 * Checks an answer against a JSON schema: the whole text is JSON, or the last fenced block in it that is. Throws
 * OUTPUT_INVALID where the check itself cannot be made, or not in time.
 */
export function checkOutput(text: string, schema: string): CheckedOutput {
  if (text.length > LONGEST_ANSWER) return wrong(`the answer has more than ${LONGEST_ANSWER} characters`);
  const found = jsonIn(text);
  if (!found) return wrong("the answer is not JSON");
  if (isDeeper(found.value, MAX_DEPTH)) return wrong(`the answer is nested deeper than ${MAX_DEPTH} levels`);
  const problems = problemsOf(found.value, schema);
  if (problems.length > 0) return wrong(problems.join("; "));
  return { ok: true, output: canonicalJson(found.value as Parameters<typeof canonicalJson>[0]) };
}

function wrong(problem: string): CheckedOutput {
  return { ok: false, problem };
}

function jsonIn(text: string): { readonly value: unknown } | undefined {
  for (const candidate of [text, ...fencedBlocks(text).reverse()]) {
    try {
      return { value: JSON.parse(candidate) };
    } catch {
      // The next one may be JSON.
    }
  }
  return undefined;
}

function fencedBlocks(text: string): string[] {
  const blocks: string[] = [];
  let open: string[] | undefined;
  for (const line of text.split("\n")) {
    const isFence = line.trimStart().startsWith("```");
    if (!isFence) open?.push(line);
    else if (open) {
      blocks.push(open.join("\n"));
      open = undefined;
    } else open = [];
  }
  return blocks;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inside) => isDeeper(inside, levels - 1));
}

/** A schema may hold an expression that takes for ever: the check is interrupted, and an execution that it would hold up fails. */
function problemsOf(value: unknown, schema: string): string[] {
  const check = (): ReturnType<Validator["validate"]> =>
    new Validator(JSON.parse(schema) as Schema, "2020-12", false).validate(value);
  try {
    const { valid, errors }: ReturnType<typeof check> = runInNewContext("check()", { check }, { timeout: TIME_MS });
    if (valid) return [];
    return errors.slice(-MAX_PROBLEMS).map(({ instanceLocation, error }) => {
      return `${instanceLocation.replace(/^#/, "answer")}: ${error}`.slice(0, LONGEST_PROBLEM).toWellFormed();
    });
  } catch (cause) {
    throw new Failure("OUTPUT_INVALID", "the answer could not be checked against the agent's output schema", { cause });
  }
}
