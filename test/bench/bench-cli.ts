/** `make bench-cli`: how long a command of the built CLI takes, beside Node doing nothing; and what a daemon weighs. */

import { listAgents, version } from "./cli/commands.ts";
import { idle } from "./cli/idle.ts";
import { localStart } from "./cli/local-start.ts";
import { runBench } from "./harness/run-bench.ts";

await runBench([version, listAgents, localStart, idle]);
