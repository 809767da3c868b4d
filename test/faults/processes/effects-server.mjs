// An MCP server of tools whose effects can be counted: each is a line in `effects.log`, in the folder where it is started.
// It has no dependency, so that it starts quickly. Calls run at the same time, as a server may let them.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

const FILE = "effects.log";
const KEY = "stigmer.ai/idempotency-key";

const lines = () => (existsSync(FILE) ? readFileSync(FILE, "utf8").split("\n") : []);

const TOOLS = {
  append: {
    description: "Adds a line each time it is called, `ms` after it was.",
    annotations: { destructiveHint: true, idempotentHint: false },
    async call({ token, ms = 0 }, key) {
      appendFileSync("begun.log", `${key}\n`);
      if (ms > 0) await setTimeout(ms);
      appendFileSync(FILE, `append ${token} ${key}\n`);
      return "added";
    },
  },
  append_once: {
    description: "Adds a line, once for each key.",
    annotations: { destructiveHint: false, idempotentHint: true },
    call({ token }, key) {
      const line = `append_once ${token} ${key}`;
      if (!lines().includes(line)) appendFileSync(FILE, `${line}\n`);
      return "added";
    },
  },
  look: {
    description: "Changes nothing; answers with as many bytes as it is asked for, `ms` after it was.",
    annotations: { readOnlyHint: true },
    async call({ bytes = 1, ms = 0 }) {
      if (ms > 0) await setTimeout(ms);
      return "x".repeat(bytes);
    },
  },
};

const listed = Object.entries(TOOLS).map(([name, { description, annotations }]) => ({
  name,
  description,
  annotations,
  inputSchema: { type: "object" },
}));

async function answer(method, params) {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "effects", version: "1.0.0" },
      };
    case "tools/list":
      return { tools: listed };
    case "tools/call": {
      const text = await TOOLS[params.name].call(params.arguments ?? {}, params._meta?.[KEY] ?? "no-key");
      return { content: [{ type: "text", text }] };
    }
    default:
      return {};
  }
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const result = await answer(method, params);
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
});
