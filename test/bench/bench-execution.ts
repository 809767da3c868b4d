/**
 * `make bench-execution`: executions through the built daemon and a runner outside of it, beside Restate, BullMQ and DBOS.
 * Restate, BullMQ and DBOS come as npm packages, Redis and Postgres from Debian; each runs as it comes, but that Redis is
 * told to sync each write, and acknowledges after it has synced.
 */
import { firstInstruction } from "./execution/first-instruction.ts";
import { daemonKill, runnerKill } from "./execution/kills.ts";
import { parked } from "./execution/parked.ts";
import { starts, startsAlone, startsInBatches } from "./execution/starts.ts";
import { manySteps, steps } from "./execution/steps.ts";
import { streams } from "./execution/streams.ts";
import { runBench } from "./harness/run-bench.ts";

await runBench([
  steps,
  manySteps,
  starts,
  startsAlone,
  startsInBatches,
  firstInstruction,
  runnerKill,
  daemonKill,
  parked,
  streams,
]);
