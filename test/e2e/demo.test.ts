import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ollamaStandin, type Script } from "@stigmer/standins";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { ROOT } from "./harness.ts";

const SCRIPT: Script = parse(readFileSync(join(ROOT, "examples/projects/notes/script.yaml"), "utf8"));

it("runs with a model of Ollama's", async () => {
  await using ollama = await ollamaStandin({ script: SCRIPT, models: ["qwen3:latest"] });

  const { code, output } = await demo("ollama/qwen3:latest", ollama.url);

  expect(code, output).toBe(0);
  expect(output).toContain("- buy milk");
  expect(output).toContain("verified");
  expect(ollama.requests.map(({ path }) => path)).toEqual(["/api/chat", "/api/chat"]);
});

it.each([
  ["qwen4", ["qwen3:latest"], "ollama pull qwen4"],
  ["qwen3", [], "ollama pull qwen3"],
])("says what to do where Ollama has no model %s", async (name, models, words) => {
  await using ollama = await ollamaStandin({ script: SCRIPT, models });

  const { code, output } = await demo(`ollama/${name}`, ollama.url);

  expect(code).toBe(1);
  expect(output).toContain(words);
});

it("says what to do where Ollama does not run", async () => {
  const { code, output } = await demo("ollama/qwen3", "127.0.0.1:1");

  expect(code).toBe(1);
  expect(output).toContain("start Ollama, or set OLLAMA_HOST");
});

function demo(MODEL: string, OLLAMA_HOST: string): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, MODEL, OLLAMA_HOST };
  const child = spawn(process.execPath, [join(ROOT, "tools/demo.ts")], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}
