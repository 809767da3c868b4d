import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createBackend } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type WorldOptions } from "../deps.fake.ts";

const OLLAMA = { "http://127.0.0.1:11434/api/tags": { models: [{ name: "qwen3:8b" }, { name: "nomic-embed-text" }] } };
const LM_STUDIO = { "http://127.0.0.1:1234/v1/models": { object: "list", data: [{ id: "gemma" }] } };
const KEY = { OPENAI_API_KEY: "sk-not-to-be-shown" };

describe("what init finds", () => {
  it("are the models of servers on this machine, and providers by the names of their keys", async () => {
    const { found, world } = await scene({
      servers: {
        ...OLLAMA,
        ...LM_STUDIO,
        "http://127.0.0.1:8080/v1/models": { data: [{ id: "m.gguf", owned_by: "llamacpp" }] },
        "http://127.0.0.1:8000/v1/models": { data: [{ id: "org/model", owned_by: "vllm" }] },
      },
      env: { ...KEY, ANTHROPIC_API_KEY: "sk-not-to-be-shown" },
    });

    const { servers, keys } = await found();

    expect(servers).toMatchObject([
      { name: "Ollama", models: ["qwen3:8b"], provider: "ollama", baseUrl: "" },
      { name: "LM Studio", models: ["gemma"], provider: "openai-compatible", baseUrl: "http://127.0.0.1:1234/v1" },
      { name: "llama.cpp", models: ["m.gguf"] },
      { name: "vLLM", models: ["org/model"] },
    ]);
    expect(keys.map(({ variable }: { variable: string }) => variable)).toEqual(["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]);
    expect(world.stdout() + world.stderr()).not.toContain("sk-not-to-be-shown");
  });

  it.each([
    ["another program on the port", { "http://127.0.0.1:8080/v1/models": { data: [{ id: "m", owned_by: "me" }] } }],
    ["an answer of another form", { "http://127.0.0.1:11434/api/tags": ["qwen3"] }],
    ["more than a MiB", { "http://127.0.0.1:11434/api/tags": { models: [{ name: "a" }], more: "x".repeat(2 ** 20) } }],
  ])("leaves out %s", async (_, servers) => {
    const { found } = await scene({ servers });

    expect((await found()).servers).toEqual([]);
  });

  it("leaves out models of Ollama that do not run on this machine", async () => {
    const models = [{ name: "a:120b-cloud" }, { name: "b", remote_host: "https://ollama.example" }, { name: "c" }];
    const { found } = await scene({ servers: { "http://127.0.0.1:11434/api/tags": { models } } });

    expect((await found()).servers).toMatchObject([{ models: ["c"] }]);
  });

  it("leaves out names that are no names", async () => {
    const models = ["\x1b[2J", "a b", "", "x".repeat(200), "good"].map((name) => ({ name }));
    const { found } = await scene({ servers: { "http://127.0.0.1:11434/api/tags": { models } } });

    expect((await found()).servers).toMatchObject([{ models: ["good"] }]);
  });

  it.each([
    ["127.0.0.1:11500", "http://127.0.0.1:11500"],
    ["http://localhost:11500", "http://127.0.0.1:11500"],
    ["ollama.example:11500", "http://127.0.0.1:11434"],
  ])("looks for Ollama where OLLAMA_HOST says %s, on this machine only", async (OLLAMA_HOST, url) => {
    const { found } = await scene({
      env: { OLLAMA_HOST },
      servers: { [`${url}/api/tags`]: { models: [{ name: "m" }] } },
    });

    expect((await found()).servers).toMatchObject([{ url }]);
  });
});

describe("the default model", () => {
  it("is the one that a person chooses, with what it needs", async () => {
    const { init, config } = await scene({ isTTY: true, stdin: "2\n", servers: { ...OLLAMA, ...LM_STUDIO } });

    const code = await init();

    expect([code, await config()]).toEqual([
      0,
      "model: openai-compatible/gemma\nproviders:\n  openai-compatible:\n    baseUrl: http://127.0.0.1:1234/v1\n",
    ]);
  });

  it.each([
    ["1\ny\n", "model: openai/gpt-5-mini\n"],
    ["openai/gpt-5\nyes\n", "model: openai/gpt-5\n"],
    ["1\n\n\n", ""],
    ["1\nn\n\n", ""],
    ["\n", ""],
    ["7\nnonsense\n\n", ""],
  ])("leaves this machine only after a yes: %j", async (stdin, written) => {
    const { init, config } = await scene({ isTTY: true, stdin, env: KEY });

    expect([await init(), await config()]).toEqual([0, written]);
  });

  it("is not asked for where it is set", async () => {
    const { init, config, world } = await scene({ isTTY: true, servers: OLLAMA });
    await world.run("config", "set", "model", "x/y");

    expect([await init(), await config()]).toEqual([0, "model: x/y\n"]);
  });

  it("is the first of this machine with --yes, and never one elsewhere", async () => {
    const [local, external] = [await scene({ servers: OLLAMA, env: KEY }), await scene({ env: KEY })];

    await local.init("--yes");
    await external.init("--yes");

    expect([await local.config(), await external.config()]).toEqual(["model: ollama/qwen3:8b\n", ""]);
  });

  it("is the one that --model names, and nothing is asked", async () => {
    const { init, config, world } = await scene({ isTTY: true, servers: LM_STUDIO });

    const code = await init("--model", "openai-compatible/gemma");

    expect(code).toBe(0);
    expect(await config()).toContain("baseUrl: http://127.0.0.1:1234/v1");
    expect(world.stdout()).toContain("set model to openai-compatible/gemma\n");
  });

  it("is left alone off a terminal", async () => {
    const { init, config } = await scene({ servers: OLLAMA });

    expect([await init(), await config()]).toEqual([0, ""]);
  });

  it("must have the form of one", async () => {
    const { init } = await scene({});

    expect(await init("--model", "gpt-5")).toBe(2);
  });
});

describe("the project", () => {
  it("begins as an agent with tools where that is asked for", async () => {
    const { init, world } = await scene({});

    await init("--template", "editor");

    expect(await readFile(join(world.home, "demo", "agent.yaml"), "utf8")).toContain("name: editor");
    expect(world.stderr()).toContain("  stigmer apply -f demo\n");
  });

  it("has the server that is installed, and else one from npm", async () => {
    const { init, world } = await scene({ env: { PATH: "/nowhere:./bin" } });
    await init();
    const fromNpm = await readFile(join(world.home, "demo", "mcp-server.yaml"), "utf8");
    const bin = join(world.home, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "mcp-server-filesystem"), "");
    Object.assign(world.deps.env, { PATH: `/nowhere:${bin}` });

    await init("--force");

    const installed = await readFile(join(world.home, "demo", "mcp-server.yaml"), "utf8");
    expect([fromNpm.includes("command: npx"), installed.includes("command: mcp-server-filesystem")]).toEqual([
      true,
      true,
    ]);
  });

  it.each([
    ["y\n", 0, "assistant"],
    ["n\n", 1, "mine"],
  ])("asks on a terminal before it overwrites: %j", async (stdin, code, text) => {
    const { init, world } = await scene({ isTTY: true, stdin });
    await mkdir(join(world.home, "demo"));
    await writeFile(join(world.home, "demo", "agent.yaml"), "mine");

    expect([await init(), await readFile(join(world.home, "demo", "agent.yaml"), "utf8")]).toEqual([
      code,
      expect.stringContaining(text),
    ]);
  });

  it("takes its folder as an option too", async () => {
    const { world } = await scene({});

    await world.run("init", "--dir", "there", "--url", URL_OF_BACKEND);

    expect(await readFile(join(world.home, "there", ".gitignore"), "utf8")).toContain(".env");
  });
});

async function scene(options: WorldOptions) {
  const world = await createWorld({ ...options, backends: { [URL_OF_BACKEND]: createBackend().routes } });
  const init = (...args: string[]) => world.run("init", "demo", ...args, "--url", URL_OF_BACKEND);
  const config = () => readFile(join(world.home, "config.yaml"), "utf8").catch(() => "");
  const found = async () => {
    await init("-o", "json");
    return JSON.parse(world.stdout()).found;
  };
  return { world, init, config, found };
}
