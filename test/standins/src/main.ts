import { parseArgs } from "node:util";
import { readScript } from "./read-script.ts";
import { MODES } from "./send.ts";
import { anthropicStandin, ollamaStandin, openaiStandin } from "./standins.ts";

// Prints `{"url":"http://127.0.0.1:<port>/v1"}` on one line once it listens, and runs until it is told to end.
const { values } = parseArgs({
  options: {
    vendor: { type: "string", default: "openai" },
    script: { type: "string" },
    port: { type: "string", default: "0" },
    mode: { type: "string", default: "answer" },
    times: { type: "string" },
    "api-key": { type: "string" },
  },
});
const mode = MODES.find((known) => known === values.mode);
if (!values.script) throw new Error("--script names no file");
if (!mode) throw new Error(`--mode is none of ${MODES.join(", ")}`);

const start = { openai: openaiStandin, anthropic: anthropicStandin, ollama: ollamaStandin }[values.vendor];
if (!start) throw new Error("--vendor is none of openai, anthropic, ollama");

const standin = await start({
  script: readScript(values.script),
  port: Number(values.port),
  mode,
  ...(values.times !== undefined && { times: Number(values.times) }),
  ...(values["api-key"] !== undefined && { apiKey: values["api-key"] }),
});
process.stdout.write(`${JSON.stringify({ url: standin.url })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void standin[Symbol.asyncDispose]());
}
