import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type DaemonSetup, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { profileInto, topOfProfile } from "./profile.ts";
import { type Form, OUT } from "./run-bench.ts";

/** Starts the built daemon on a home of its own; profiled, it says where its time went when the bench's part ends. */
export async function startBenchDaemon(form: Form, setup: DaemonSetup = {}): Promise<TestDaemon> {
  if (!form.profile) return form.resources.use(await startDaemon(setup));
  const dir = join(OUT, "profiles");
  mkdirSync(dir, { recursive: true });
  let pid = 0;
  form.resources.defer(() => console.log(topOfProfile(dir, pid)));
  const daemon = form.resources.use(await startDaemon({ ...setup, env: { ...setup.env, ...profileInto(dir) } }));
  pid = daemon.process.pid ?? 0;
  return daemon;
}
