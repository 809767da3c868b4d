import fc from "fast-check";
import { Finding, keep } from "./finding.ts";
import type { Target } from "./target.ts";
import { healthCall, type Memory, type Victim } from "./victim.ts";

export type Campaign = {
  readonly victim: Victim;
  readonly targets: readonly Target[];
  readonly seed: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
};

/** What a target has been through. */
type Progress = { inputs: number; functions: number; readonly reached: unknown[] };

/** Of the time, before memory is first looked at: caches fill, and code is compiled. */
const WARM_UP = 0.25;
/** What memory may grow by afterwards: the store's caches and its history of changes, which are bounded, fill slowly. */
const MAX_GROWTH: Memory = { heap: 48 * 1024 * 1024, resident: 192 * 1024 * 1024 };
const MAX_REACHED = 500;
const SHRINK_MS = 30_000;

/** Sends inputs to each target in turn until the time is over; returns how many findings there are. Keeps each once. */
export async function runCampaign(campaign: Campaign): Promise<number> {
  const { victim, targets, seed, seconds, say } = campaign;
  const known = new Set<string>();
  const progress = new Map(
    targets.map(({ name }): [string, Progress] => [name, { inputs: 0, functions: 0, reached: [] }]),
  );
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  let warm: Memory | undefined;
  for (let round = 0; elapsed() < seconds; round++) {
    for (const target of targets) {
      const of = progress.get(target.name);
      if (!of || elapsed() >= seconds) break;
      const finding = await runBatch(campaign, { target, known, progress: of, seed: seed + round });
      if (finding) say(report(finding, target, seed, known.size));
    }
    if (!warm && elapsed() > seconds * WARM_UP) warm = await victim.memory();
  }
  const leak = warm ? grown(warm, await victim.memory(), say) : undefined;
  if (leak) known.add(leak.message);
  for (const [name, { inputs, functions }] of progress)
    say(`${name}: ${inputs} inputs, ${functions} functions reached first`);
  return known.size;
}

/** Sends one input, and looks at the daemon afterwards. */
export async function tryInput<Input>(victim: Victim, target: Target<Input>, input: Input): Promise<void> {
  await victim.revive();
  await target.send(input);
  await victim.check();
}

type Batch = {
  readonly target: Target;
  readonly known: Set<string>;
  readonly progress: Progress;
  readonly seed: number;
};
type Found = { readonly finding: Finding; readonly input: unknown };

async function runBatch({ victim }: Campaign, { target, known, progress, seed }: Batch): Promise<Found | undefined> {
  const sent: unknown[] = [];
  const property = fc.asyncProperty(target.arbitrary(progress.reached), async (input) => {
    sent.push(input);
    await tryInput(victim, target, input).catch((error: unknown) => {
      if (!(error instanceof Finding && known.has(error.message))) throw error;
    });
  });
  const settings = { seed, numRuns: target.inputs, interruptAfterTimeLimit: SHRINK_MS };
  const details = await fc.check(property, settings);
  progress.inputs += sent.length;
  if (details.failed && details.counterexample) {
    const { errorInstance: error } = details;
    const finding = error instanceof Finding ? error : new Finding(`the fuzzer itself fails: ${error}`, stackOf(error));
    known.add(finding.message);
    return { finding, input: details.counterexample[0] };
  }
  await victim.revive();
  await victim.caller.call(healthCall(), 1_000);
  const functions = await victim.inspector().newFunctions();
  progress.functions += functions;
  if (functions > 0) remember(progress.reached, sent);
  return undefined;
}

function remember(reached: unknown[], sent: readonly unknown[]): void {
  reached.push(...sent);
  reached.splice(0, reached.length - MAX_REACHED);
}

function report({ finding, input }: Found, { name }: Target, seed: number, number: number): string {
  const { message, detail } = finding;
  const command = keep({ target: name, finding: message, detail, seed, input }, number);
  return `FOUND by ${name}: ${message}\n${detail.slice(0, 1_500)}\n  again with: ${command}`;
}

function grown(warm: Memory, end: Memory, say: (line: string) => void): Finding | undefined {
  const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
  const text = `heap ${megabytes(warm.heap)} to ${megabytes(end.heap)} MiB, resident ${megabytes(warm.resident)} to ${megabytes(end.resident)} MiB`;
  say(`memory, from warm to the end, settled: ${text}`);
  const leaks = end.heap - warm.heap > MAX_GROWTH.heap || end.resident - warm.resident > MAX_GROWTH.resident;
  if (!leaks) return undefined;
  const finding = new Finding(`memory grows: ${text}`);
  say(`FOUND: ${finding.message}`);
  return finding;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}
