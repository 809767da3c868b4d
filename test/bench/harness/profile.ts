import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

type Frame = { readonly functionName: string; readonly url: string; readonly lineNumber: number };
type CpuProfile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

const SHOWN = 30;

/** What Node takes to write a CPU profile of a process, and of those that it starts, into a folder when it ends. */
export function profileInto(dir: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${dir}` };
}

/** The functions of a profiled process that took the most time themselves, with their share of the time it was busy. */
export function topOfProfile(dir: string, pid: number): string {
  const file = readdirSync(dir).find((name) => name.split(".")[3] === `${pid}`);
  if (!file) return `no profile of process ${pid} in ${dir}`;
  const times = selfTimes(JSON.parse(readFileSync(join(dir, file), "utf8")));
  times.delete("(idle)");
  const busy = [...times.values()].reduce((sum, time) => sum + time, 0);
  const top = [...times].sort(([, one], [, other]) => other - one).slice(0, SHOWN);
  const lines = top.map(([name, time]) => `${((100 * time) / busy).toFixed(1).padStart(6)} %  ${name}`);
  return [`${join(dir, file)}: busy for ${(busy / 1e6).toFixed(1)} s`, ...lines].join("\n");
}

/** Microseconds by function. */
function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [at, id] of samples.entries()) {
    const name = names.get(id) ?? "(unknown)";
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[at] ?? 0));
  }
  return times;
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const place = url === "" ? "" : ` ${url.startsWith("node:") ? url : basename(url)}:${lineNumber + 1}`;
  return `${functionName || "(anonymous)"}${place}`;
}
