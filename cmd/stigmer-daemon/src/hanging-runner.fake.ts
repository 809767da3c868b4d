import { connectTo } from "@stigmer/client/node";
import { runRunner } from "@stigmer/sdk";
import { chatLoop, createToolHost } from "./kit-runner.fake.ts";

/** A program like the bundled runner, whose tools never answer. */
// biome-ignore lint/style/noProcessEnv: a program of its own, told by its environment like the bundled one
const { STIGMER_ENDPOINT: url = "", STIGMER_RUNNER_INSTANCE: instance = "" } = process.env;

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
await runRunner({
  ...{ client: connectTo({ url }), name: "local", instance, agent: chatLoop, signal: stop.signal, drainTimeoutMs: 0 },
  tools: createToolHost([{ annotations: '{"readOnlyHint":false}' }], () => new Promise(() => {})),
});
process.exit(0);
