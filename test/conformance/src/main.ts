import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { create } from "@bufbuild/protobuf";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { readBundled, readBundledFolder } from "./bundled-files.ts";
import { registry } from "./combinations.ts";
import { plainJsonTransport } from "./plain-json.ts";
import { type Outcome, runAll } from "./run.ts";
import { type Claims, conformanceSuite, parseClaims, parseExamples, parseKnownFailures } from "./suite.ts";

const USAGE = "usage: conformance --url <url> [--claims <file>] [--only <text in a case's name>] [--json]\n";
const WORKERS = 12;
const INFO_MS = 10_000;

type Options = { readonly url: string; readonly claims?: string; readonly only?: string; readonly json: boolean };

/** Runs the suite against a backend, one line per case, and ends with `N passed, N failed`. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (!options) {
    process.stderr.write(USAGE);
    return 2;
  }
  const url = options.url.replace(/\/$/, "");
  await using suite = conformanceSuite({
    url,
    claims: options.claims ? parseClaims(readFileSync(options.claims, "utf8")) : await claimsAt(url),
    examples: parseExamples(readBundledFolder("examples/resources")),
    knownFailures: parseKnownFailures(readBundled("test/conformance/known-failures.yaml")),
  });
  const runs = suite.runs.filter(({ name }) => name.includes(options.only ?? ""));
  const print = options.json ? asJson : asText;
  const { passed, failed } = await runAll(runs, WORKERS, (outcome) => process.stdout.write(`${print(outcome)}\n`));
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** What the backend says of itself, where nobody else says what it should. */
async function claimsAt(url: string): Promise<Claims> {
  const { getInfo } = ServerQueryController.method;
  const { message } = await plainJsonTransport(url, registry).unary(
    getInfo,
    AbortSignal.timeout(INFO_MS),
    undefined,
    {},
    create(getInfo.input),
  );
  return { claimed: message.claimed };
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

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
