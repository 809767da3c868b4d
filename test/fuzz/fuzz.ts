/**
 * `make fuzz`: sends random and spoilt input to the built daemon and to the CLI's reader for FUZZ_SECONDS (600), and ends
 * with 1 where something was found. `SEED=…` makes the same inputs again, `ONLY=frames` takes in one target, and
 * `REPLAY=<file>` sends one input that was kept.
 */
import { runCampaign, tryInput } from "./harness/campaign.ts";
import { Finding, readKept } from "./harness/finding.ts";
import type { Target } from "./harness/target.ts";
import { startVictim } from "./harness/victim.ts";
import { prepareWorld } from "./harness/world.ts";
import { frames } from "./targets/frames.ts";
import { manifests } from "./targets/manifests.ts";
import { messages, queries } from "./targets/messages.ts";

const { env } = process;
/** What depends on the moment does not show every time. */
const REPLAYS = 100;

async function main(): Promise<number> {
  await using resources = new AsyncDisposableStack();
  const end = (): void => void resources.disposeAsync().finally(() => process.exit(130));
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  const victim = resources.use(await startVictim());
  const world = await prepareWorld(victim);
  const all: readonly Target[] = [frames(world), messages(world), queries(world), manifests(world, resources)];
  if (env.REPLAY) return await replay(env.REPLAY, { all, victim });
  const targets = all.filter(({ name }) => name.includes(env.ONLY ?? ""));
  const seed = env.SEED ? Number(env.SEED) : Date.now() % 2 ** 31;
  const seconds = Number(env.FUZZ_SECONDS || 600);
  console.log(`fuzzing ${targets.map(({ name }) => name).join(", ")} for ${seconds} s; SEED=${seed}`);
  const found = await runCampaign({ victim, targets, seed, seconds, say: console.log });
  console.log(found === 0 ? "nothing found" : `${found} found; SEED=${seed} make fuzz makes the same inputs`);
  return found === 0 ? 0 : 1;
}

type Replay = { readonly all: readonly Target[]; readonly victim: Parameters<typeof tryInput>[0] };

async function replay(path: string, { all, victim }: Replay): Promise<number> {
  const kept = readKept(path);
  const target = all.find(({ name }) => name === kept.target);
  if (!target) throw new Error(`there is no target ${kept.target}`);
  try {
    for (let times = 0; times < REPLAYS; times++) await tryInput(victim, target, kept.input);
    console.log(`nothing found in ${REPLAYS} tries`);
    return 0;
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    console.log(`FOUND by ${target.name}: ${error.message}\n${error.detail}`);
    return 1;
  }
}

process.exitCode = await main();
