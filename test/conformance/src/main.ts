import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readBundled, readBundledFolder } from "./bundled-files.ts";
import { type Outcome, runAll } from "./run.ts";
import { conformanceSuite, parseClaims, parseExamples, parseKnownFailures } from "./suite.ts";

const USAGE = "usage: conformance --url <url> [--claims <file>] [--only <text in a case's name>] [--json]\n";
const WORKERS = 12;

type Options = { readonly url: string; readonly claims?: string; readonly only?: string; readonly json: boolean };

/** Runs the suite against a backend, one line per case, and ends with `N passed, N failed`. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (!options) {
    process.stderr.write(USAGE);
    return 2;
  }
  const claims = options.claims
    ? readFileSync(options.claims, "utf8")
    : readBundled("test/conformance/claims/local.yaml");
  await using suite = conformanceSuite({
    url: options.url.replace(/\/$/, ""),
    claims: parseClaims(claims),
    examples: parseExamples(readBundledFolder("examples/resources")),
    knownFailures: parseKnownFailures(readBundled("test/conformance/known-failures.yaml")),
  });
  const runs = suite.runs.filter(({ name }) => name.includes(options.only ?? ""));
  const print = options.json ? asJson : asText;
  const { passed, failed } = await runAll(runs, WORKERS, (outcome) => process.stdout.write(`${print(outcome)}\n`));
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: "string" } as const;
  const options = { url: text, claims: text, only: text, json: { type: "boolean", default: false } } as const;
  try {
    const { url, claims, only, json } = parseArgs({ args: [...args], options }).values;
    if (!url || !URL.canParse(url)) return undefined;
    return { url, json, ...(claims && { claims }), ...(only && { only }) };
  } catch {
    return undefined; // an option that there is none of
  }
}

function asText({ name, error }: Outcome): string {
  if (!error) return `ok      ${name}`;
  return `FAILED  ${name}\n        ${error.message.replaceAll("\n", "\n        ")}`;
}

function asJson({ name, ms, error }: Outcome): string {
  return JSON.stringify({ case: name, ok: !error, ms, ...(error && { error: error.message }) });
}

process.exitCode = await main(process.argv.slice(2));
