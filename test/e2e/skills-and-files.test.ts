import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const API = "agentic.stigmer.ai/v1";

it("pushes a skill that an agent reads, sends it a picture, and saves the picture that its tool returns", async () => {
  const home = mkdtempSync(join(tmpdir(), "stigmer-skills-"));
  const reads = { name: "read_skill", arguments: { skill: "pictures" } };
  const looks = { name: "files__read_media_file", arguments: { path: join(home, "work/photo.png") } };
  const turns = [{ toolCalls: [reads] }, { toolCalls: [looks] }, { text: "It is one dot." }];
  let asked = 0;
  await using model = await openaiStandin({ handler: () => turns[asked++] ?? { error: {} } });
  const run = (...args: string[]) => stigmer(args, { home, env: { STIGMER_PORT: "0" } });
  write(home, {
    "pictures/SKILL.md":
      "---\nname: pictures\ndescription: How pictures are told of.\n---\nSay what you see, in one line.\n",
    "pictures/examples.bin": randomBytes(1000),
    "work/photo.png": PNG,
    "all.yaml": [
      { apiVersion: API, kind: "McpServer", metadata: { name: "files" }, spec: server() },
      { apiVersion: API, kind: "Agent", metadata: { name: "viewer" }, spec: agent() },
    ]
      .map((document) => JSON.stringify(document))
      .join("\n---\n"),
  });
  try {
    await run("config", "set", "providers.openai-compatible.baseUrl", model.url);
    expect(await run("skill", "push", "pictures", "--tag", "v1")).toMatchObject({ code: 0 });
    expect(await run("apply", "-f", "all.yaml")).toMatchObject({ code: 0 });

    const message = ["agent", "execute", "viewer", "what is it?", "--approve", "all", "--workspace", "work"];
    const executed = await run(...message, "--attach", "work/photo.png");
    const [id = ""] = /aex_[0-9A-Z]{26}/.exec(executed.stderr) ?? [];
    const saved = await run("execution", "artifacts", id, "--save", "saved");
    const pulled = await run("skill", "pull", "pictures@v1", "copy");

    expect([executed.code, executed.stdout, saved.code, pulled.code], executed.stderr).toEqual([
      0,
      expect.stringContaining("It is one dot."),
      0,
      0,
    ]);
    const [first, second] = model.requests.map(({ body }) => JSON.stringify(body));
    expect(first).toContain("pictures: How pictures are told of.");
    expect(first).toContain(PNG.toString("base64"));
    expect(second).toContain("Say what you see, in one line.");
    const files = readdirSync(join(home, "saved"));
    expect(files).toHaveLength(1);
    expect(readFileSync(join(home, "saved", files[0] ?? "")).equals(PNG)).toBe(true);
    for (const name of ["SKILL.md", "examples.bin"])
      expect(readFileSync(join(home, "copy", name)).equals(readFileSync(join(home, "pictures", name)))).toBe(true);
  } finally {
    await run("local", "stop");
    rmSync(home, { recursive: true, force: true });
  }
});

function server() {
  return { stdio: { command: "node", args: [FILESYSTEM, "."] } };
}

function agent() {
  const servers = [{ name: "files", tools: ["read_media_file"] }];
  const skills = [{ name: "pictures", revision: "v1" }];
  return { instructions: "You look.", model: "openai-compatible/m", mcpServers: servers, skills };
}

function write(home: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), content);
  }
}
