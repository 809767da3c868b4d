/** `make bench-journal`: acknowledged writes through the local store, beside its database alone and the disk alone. */
import { runBench } from "./harness/run-bench.ts";
import { groupCommit } from "./journal/group-commit.ts";

await runBench([groupCommit(1), groupCommit(32)]);
