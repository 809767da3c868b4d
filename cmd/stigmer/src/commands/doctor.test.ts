import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import {
  EnvironmentQueryController,
  McpServerCommandController,
  McpServerQueryController,
  SealingKeyPlace,
} from "@stigmer/contracts/agentic";
import { ModelCommandController, ModelQueryController } from "@stigmer/contracts/gateway";
import { describe, expect, it } from "vitest";
import { createBackend, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type WorldOptions } from "../deps.fake.ts";

type Finding = { readonly check: string; readonly state: string; readonly message: string; readonly fix: string };

describe("doctor", () => {
  it("is content with a machine on which all is well", async () => {
    const { examine } = await scene({ config: "model: openai/gpt-5\n" });

    const { code, healthy, states } = await examine();

    expect([code, healthy]).toEqual([0, true]);
    expect(states()).toEqual({
      ...{ node: "ok", home: "ok", disk: "ok", config: "ok", daemon: "ok" },
      ...{ store: "ok", secrets: "ok", runner: "ok", mcp: "ok", model: "ok", provider: "ok" },
    });
  });

  it("starts nothing, and says how to where no daemon runs", async () => {
    const { examine } = await scene({ daemon: false });

    const { code, finding } = await examine();

    expect(code).toBe(0);
    expect(finding("daemon")).toMatchObject({ state: "warning", fix: "stigmer local start" });
  });

  it.each([
    ["20.1.0", "broken"],
    ["24.1.0", "ok"],
  ])("finds Node %s %s", async (nodeVersion, state) => {
    const { world, examine } = await scene();
    Object.assign(world.deps, { nodeVersion });

    expect((await examine()).finding("node")?.state).toBe(state);
  });

  it("finds a home that others may look into, and keys that they may read", async () => {
    const { world, examine } = await scene();
    await chmod(world.home, 0o755);
    const open = (await examine()).finding("home");
    await mkdir(join(world.home, "keys"));
    await writeFile(join(world.home, "keys", "a.key"), "k", { mode: 0o644 });
    const worse = (await examine()).finding("home");

    expect(open).toMatchObject({ state: "warning", fix: `chmod go-rwx ${world.home}` });
    expect(worse).toMatchObject({ state: "broken", fix: `chmod go-rwx ${join(world.home, "keys", "a.key")}` });
  });

  it.each([
    ["model: [", /config\.yaml:1:/],
    ["modle: x/y", /unknown setting "modle"/],
    ["port: 99999999", /port: the value must be/],
  ])("finds settings that are wrong: %s", async (config, message) => {
    const { examine } = await scene({ config, daemon: false });

    const { code, finding } = await examine();

    expect([code, finding("config")]).toMatchObject([1, { state: "broken", message: expect.stringMatching(message) }]);
  });

  it("finds a daemon of another version", async () => {
    const { examine } = await scene({ version: "0.9.0" });

    expect((await examine()).finding("daemon")).toMatchObject({ state: "warning", fix: "stigmer local restart" });
  });

  it("finds that no runner is connected", async () => {
    const { backend, examine } = await scene();
    backend.runners.splice(0, 1, { metadata: { name: "bundled" }, status: { connected: false } });

    const { code, finding } = await examine();

    expect([code, finding("runner")]).toMatchObject([1, { state: "broken", fix: "stigmer local restart" }]);
  });

  it("finds a key of secrets that is away", async () => {
    const { examine } = await scene({
      routes: (router) =>
        router.service(EnvironmentQueryController, {
          getSealingKey: () => ({ place: SealingKeyPlace.KEYCHAIN, problem: "the keychain is locked" }),
        }),
    });

    const { code, finding } = await examine();

    expect([code, finding("secrets")]).toMatchObject([
      1,
      { state: "broken", message: "the keychain is locked", fix: expect.stringContaining("unlock the keychain") },
    ]);
  });

  it("warns where no model is set", async () => {
    const { examine } = await scene();

    const { code, finding } = await examine();

    expect([code, finding("model")?.state]).toEqual([0, "warning"]);
  });

  it("finds a provider that does not answer, and says what to do", async () => {
    const { examine } = await scene({
      config: "model: openai/gpt-5\n",
      routes: (router) =>
        router.service(ModelQueryController, {
          list: () => ({
            providers: [
              {
                provider: "openai",
                reachable: false,
                error: { reason: "PROVIDER_NOT_CONFIGURED", message: "no key in OPENAI_API_KEY" },
              },
            ],
          }),
        }),
    });

    const { code, finding } = await examine();

    expect([code, finding("provider")]).toMatchObject([
      1,
      { state: "broken", message: "openai: no key in OPENAI_API_KEY", fix: expect.stringContaining("export") },
    ]);
  });

  it("asks the model itself where it is told to", async () => {
    const { examine } = await scene({ config: "model: openai/gpt-5\n" });

    expect((await examine("--ask-model")).finding("provider")?.message).toBe("openai/gpt-5 answered in 12 ms");
  });

  it.each([
    [{}, "broken"],
    [{ OPENAI_API_KEY: "sk-not-to-be-shown" }, "ok"],
  ])("looks for a key by its name alone where no daemon runs: %o", async (env, state) => {
    const { world, examine } = await scene({ config: "model: openai/gpt-5\n", daemon: false, env });

    expect((await examine()).finding("provider")?.state).toBe(state);
    expect(world.stdout() + world.stderr()).not.toContain("sk-not-to-be-shown");
  });

  it("starts MCP servers where it is told to", async () => {
    const { examine } = await scene();

    const { code, all } = await examine("--servers");

    expect(code).toBe(1);
    expect(all.filter(({ check }) => check === "mcp")).toMatchObject([
      { state: "ok", message: "good starts; 1 tool" },
      { state: "broken", message: "bad: it ended", fix: expect.stringContaining("stigmer mcp logs bad") },
    ]);
  });

  it("tells a person, with the fix below what is wrong", async () => {
    const { world } = await scene({ isTTY: true, daemon: false });

    const code = await world.run("doctor");

    expect(code).toBe(0);
    expect(world.stdout()).toContain(
      "warning  daemon    not running; the first command that needs it starts it\n                   → stigmer local start\n",
    );
  });
});

type Setting = Pick<WorldOptions, "isTTY" | "env"> & {
  readonly config?: string;
  readonly daemon?: boolean;
  readonly version?: string;
  readonly routes?: (router: ConnectRouter) => void;
};

async function scene({ config, daemon = true, version = "1.2.3", routes, ...options }: Setting = {}) {
  const world = await createWorld(options);
  const data = join(world.home, "data");
  await mkdir(data, { mode: 0o700 });
  if (config !== undefined) await writeFile(join(world.home, "config.yaml"), config, { mode: 0o600 });
  const backend = createBackend({ info: { dataDir: data, version } });
  if (daemon) {
    const record = { pid: 4242, startTime: "1", url: URL_OF_BACKEND, version };
    await writeFile(join(data, "daemon.json"), JSON.stringify(record));
    world.backends[URL_OF_BACKEND] = (router) => {
      backend.routes(router);
      serveModels(router);
      serveSecrets(router);
      serveServers(router);
      routes?.(router);
    };
  }
  const examine = async (...args: string[]) => {
    const before = world.stdout().length;
    const code = await world.run("doctor", "-o", "json", ...args);
    const { healthy, findings } = JSON.parse(world.stdout().slice(before));
    const all: readonly Finding[] = findings;
    return {
      ...{ code, healthy, all },
      finding: (check: string) => all.find((one) => one.check === check),
      states: () => Object.fromEntries(all.map(({ check, state }) => [check, state])),
    };
  };
  return { world, backend, examine };
}

function serveModels(router: ConnectRouter): void {
  router.service(ModelQueryController, { list: () => ({ providers: [{ provider: "openai", reachable: true }] }) });
  router.service(ModelCommandController, { test: ({ model }) => ({ model, latencyMs: 12n }) });
}

function serveSecrets(router: ConnectRouter): void {
  router.service(EnvironmentQueryController, {
    getSealingKey: () => ({ place: SealingKeyPlace.FILE, id: "k", available: true }),
  });
}

function serveServers(router: ConnectRouter): void {
  router.service(McpServerQueryController, {
    list: () => ({ items: ["good", "bad"].map((name) => ({ metadata: { name, id: `mcp_${name}` } })) }),
  });
  router.service(McpServerCommandController, {
    listTools({ id }) {
      if (id === "mcp_bad") throw refusal(Code.FailedPrecondition, "TOOL_SERVER_FAILED", { message: "it ended" });
      return { tools: [{ name: "read" }] };
    },
  });
}
