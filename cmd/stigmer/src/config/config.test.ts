import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createWorld } from "../deps.fake.ts";
import { keyOf } from "./keys.ts";

describe("settings", () => {
  it.each([
    ["model", "ollama/qwen3:8b", "ollama/qwen3:8b"],
    ["port", "50052", 50_052],
    ["providers.my-own.baseUrl", "http://localhost:8080/v1", "http://localhost:8080/v1"],
    ["providers.openai.apiKeyEnv", "OPENAI_API_KEY", "OPENAI_API_KEY"],
    ["providers.mine.api", "responses", "responses"],
    ["providers.mine.stream", "false", false],
    ["providers.ollama.contextWindow", "32768", 32_768],
    ["runner.slots", "4", 4],
    ["runner.leaseDuration", "3", 3],
  ])("takes %s %s", (key, value, expected) => {
    expect(keyOf(key).parse(value)).toBe(expected);
  });

  it.each([
    ["model", "gpt-5"],
    ["port", "0"],
    ["port", "70000"],
    ["port", "5e3"],
    ["providers.x.baseUrl", "localhost"],
    ["providers.x.apiKeyEnv", "sk-1234"],
    ["providers.x.api", "grpc"],
    ["providers.x.stream", "no"],
    ["providers.x.contextWindow", "10"],
    ["runner.slots", "0"],
    ["runner.leaseDuration", "2"],
  ])("refuses %s %s", (key, value) => {
    expect(() => keyOf(key).parse(value)).toThrow(expect.objectContaining({ exit: 2 }));
  });

  it.each([
    ["modle", "did you mean model?"],
    ["providers.openai.baseurl", "did you mean providers.openai.baseUrl?"],
    ["runner.slot", "did you mean runner.slots?"],
  ])("refuses the unknown %s with the nearest", (key, next) => {
    expect(() => keyOf(key)).toThrow(expect.objectContaining({ exit: 2, next }));
  });
});

describe("config", () => {
  it("keeps comments, order and unknown settings when one changes", async () => {
    const { home, run } = await createWorld();
    const before = "# mine\nport: 50051 # the usual\n\n# models\nmodel: openai/gpt-4\nother: [1, 2]\n";
    await writeFile(join(home, "config.yaml"), before);

    const code = await run("config", "set", "model", "openai/gpt-5");

    expect([code, await readFile(join(home, "config.yaml"), "utf8")]).toEqual([
      0,
      "# mine\nport: 50051 # the usual\n\n# models\nmodel: openai/gpt-5\nother: [ 1, 2 ]\n",
    ]);
  });

  it("makes the file readable by its owner only", async () => {
    const { home, run } = await createWorld();

    await run("config", "set", "providers.openai.apiKeyEnv", "KEY");

    const { mode } = await stat(join(home, "config.yaml"));
    expect(mode & 0o777).toBe(0o600);
  });

  it("reads back what it set, and lists it", async () => {
    const world = await createWorld();
    await world.run("config", "set", "model", "openai/gpt-5");
    await world.run("config", "set", "providers.openai.baseUrl", "http://localhost/v1");

    await world.run("config", "get", "model");
    await world.run("config", "list");

    expect(world.stdout()).toBe("openai/gpt-5\nmodel\topenai/gpt-5\nproviders.openai.baseUrl\thttp://localhost/v1\n");
  });

  it("removes a setting and what it leaves empty", async () => {
    const { home, run } = await createWorld();
    await run("config", "set", "runner.slots", "4");
    await run("config", "set", "model", "openai/gpt-5");

    await run("config", "unset", "runner.slots");

    expect(await readFile(join(home, "config.yaml"), "utf8")).toBe("model: openai/gpt-5\n");
  });

  it("sets what stands below an empty name", async () => {
    const { home, run } = await createWorld();
    await writeFile(join(home, "config.yaml"), "# nothing yet\nproviders:\n");

    const code = await run("config", "set", "providers.openai.apiKeyEnv", "KEY");

    expect([code, await readFile(join(home, "config.yaml"), "utf8")]).toEqual([
      0,
      "# nothing yet\nproviders:\n  openai:\n    apiKeyEnv: KEY\n",
    ]);
  });

  it("fails where a setting is not set", async () => {
    const world = await createWorld();

    const code = await world.run("config", "get", "model");

    expect([code, world.stderr()]).toEqual([1, "error: model is not set\nset it: stigmer config set model <value>\n"]);
  });

  it("refuses a file that is not YAML with the place, and leaves it", async () => {
    const world = await createWorld();
    const path = join(world.home, "config.yaml");
    await writeFile(path, "model: [\n");

    const code = await world.run("config", "set", "port", "50052");

    expect([code, await readFile(path, "utf8")]).toEqual([1, "model: [\n"]);
    expect(world.stderr()).toContain(`${path}:2:1:`);
  });

  it("leaves no draft behind", async () => {
    const { home, run } = await createWorld();

    await run("config", "set", "port", "50052");

    const { readdir } = await import("node:fs/promises");
    expect(await readdir(home)).toEqual(["config.yaml"]);
  });
});
