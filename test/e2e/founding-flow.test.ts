import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openaiStandin } from "@stigmer/standins";
import { expect, it } from "vitest";
import { stigmer } from "./cli.ts";

/** The MCP project's own server of files, as npm installs it. */
const FILESYSTEM = join(
  dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/server-filesystem/package.json")),
  "dist/index.js",
);

const freshHome = () => mkdtempSync(join(tmpdir(), "stigmer-flow-"));

it("goes from init to an answer with the founding note's three commands, against an OpenAI-compatible server", async () => {
  const home = freshHome();
  await using model = await openaiStandin({ script: { turns: [{ text: "Hello! How can I help?" }] } });
  const env = { STIGMER_PORT: "0", OPENAI_COMPATIBLE_API_KEY: "sk-test-0123456789" };
  const run = (...args: string[]) => stigmer(args, { home, env });
  try {
    expect(await run("init", "project")).toMatchObject({ code: 0 });
    expect(await run("config", "set", "providers.openai-compatible.baseUrl", model.url)).toMatchObject({ code: 0 });
    expect(await run("config", "set", "model", "openai-compatible/test-model")).toMatchObject({ code: 0 });
    expect(await run("agent", "create", "my-agent", "--instructions", "You greet people.")).toMatchObject({ code: 0 });

    const executed = await run("agent", "execute", "my-agent", "hello");

    expect(executed).toMatchObject({ code: 0, stdout: "Hello! How can I help?\n" });
    const [request] = model.requests.filter(({ path }) => path.endsWith("/chat/completions"));
    expect(request?.body).toMatchObject({
      model: "test-model",
      stream: true,
      messages: [
        { role: "system", content: "You greet people." },
        { role: "user", content: "hello" },
      ],
    });
  } finally {
    await run("local", "stop");
  }
});

it("lets a model work on files through npm's filesystem server, asking before it writes", async () => {
  const home = freshHome();
  const workspace = mkdtempSync(join(tmpdir(), "stigmer-files-"));
  const call = { name: "files__write_file", arguments: { path: join(workspace, "hello.txt"), content: "hi there" } };
  const turns = [{ text: "I will write it.", toolCalls: [call] }, { text: "Written." }];
  await using model = await openaiStandin({ script: { turns } });
  const env = { STIGMER_PORT: "0" };
  const run = (...args: string[]) => stigmer(args, { home, env, cwd: workspace });
  const manifest = [
    {
      apiVersion: "agentic.stigmer.ai/v1",
      kind: "McpServer",
      metadata: { name: "files" },
      spec: { stdio: { command: "node", args: [FILESYSTEM, "."] } },
    },
    {
      apiVersion: "agentic.stigmer.ai/v1",
      kind: "Agent",
      metadata: { name: "writer" },
      spec: { instructions: "You write files.", model: "openai-compatible/m", mcpServers: [{ name: "files" }] },
    },
  ];
  writeFileSync(join(workspace, "all.yaml"), manifest.map((document) => JSON.stringify(document)).join("\n---\n"));
  try {
    await run("config", "set", "providers.openai-compatible.baseUrl", model.url);
    expect(await run("apply", "-f", "all.yaml")).toMatchObject({ code: 0 });

    const parked = await run("agent", "execute", "writer", "write hello.txt");

    expect(parked).toMatchObject({ code: 3 });
    expect(existsSync(join(workspace, "hello.txt"))).toBe(false);
    const approval = /apr_[0-9A-Z]{26}/.exec(parked.stderr)?.[0] ?? "";
    const execution = /aex_[0-9A-Z]{26}/.exec(parked.stderr)?.[0] ?? "";
    expect(await run("approval", "approve", approval)).toMatchObject({ code: 0 });
    expect(await run("execution", "logs", "-f", execution)).toMatchObject({ code: 0 });
    expect(readFileSync(join(workspace, "hello.txt"), "utf8")).toBe("hi there");
    expect(await run("execution", "verify", execution)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("verified"),
    });
  } finally {
    await run("local", "stop");
  }
});
