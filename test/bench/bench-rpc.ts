/** `make bench-rpc`: calls to the built daemon, beside echo servers and etcd. */
import { runBench } from "./harness/run-bench.ts";
import { createPart } from "./rpc/create.ts";
import { get } from "./rpc/get.ts";
import { list } from "./rpc/list.ts";
import { watch } from "./rpc/watch.ts";

await runBench([get, createPart, list, watch]);
