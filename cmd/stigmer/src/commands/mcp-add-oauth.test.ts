import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { Code } from "@connectrpc/connect";
import {
  EnvironmentCommandController,
  EnvironmentQueryController,
  McpServerCommandController,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type WorldOptions } from "../deps.fake.ts";

const SERVER = ["add", "my-web2", "--server-url", "https://a.example/mcp"];
const CLIENT = ["--oauth-client-id", "ours", "--oauth-issuer", "https://idp.example"];
const SECRET = "hush-hush-secret";

describe("mcp add with a client that was registered beforehand", () => {
  it("keeps the client, who knows it and what is asked for", async () => {
    const { run, servers, environments, world } = await scene({ isTTY: true });

    const code = await run(...SERVER, ...CLIENT, "--oauth-scope", "read", "--oauth-scope", "write read");

    const oauth = {
      clientId: "ours",
      issuer: "https://idp.example",
      scopes: ["read", "write"],
      clientSecretVariable: "",
    };
    expect(servers).toMatchObject([{ spec: { transport: { value: { url: "https://a.example/mcp", oauth } } } }]);
    expect([code, environments]).toEqual([0, []]);
    expect(world.stderr()).toContain("next: stigmer mcp login my-web2\n");
  });

  it("keeps no more than scopes, or an issuer, where there is no client", async () => {
    const { run, servers } = await scene();

    await run(...SERVER, "--oauth-scope", "read");
    await run(...SERVER, "--oauth-issuer", "https://idp.example");

    expect(servers).toMatchObject([
      { spec: { transport: { value: { oauth: { clientId: "", issuer: "", scopes: ["read"] } } } } },
      { spec: { transport: { value: { oauth: { clientId: "", issuer: "https://idp.example", scopes: [] } } } } },
    ]);
  });

  it.each<[string, WorldOptions & { file?: string }, string[]]>([
    ["standard input", { stdin: `${SECRET}\n` }, []],
    ["a prompt that does not show it", { stdin: `${SECRET}\n`, isTTY: true }, []],
    ["a file", { file: `${SECRET}\n`, stdin: "not this\n" }, ["--oauth-secret-file", "secret.txt"]],
  ])("takes the client's secret from %s into an environment, and shows it nowhere", async (_, options, args) => {
    const { run, servers, environments, world } = await scene(options);
    if (options.file) writeFileSync(join(world.home, "secret.txt"), options.file);

    const code = await run(...SERVER, ...CLIENT, "--oauth-secret-env", "dev", ...args);

    const variable = "MY_WEB2_CLIENT_SECRET";
    expect(servers).toMatchObject([{ spec: { transport: { value: { oauth: { clientSecretVariable: variable } } } } }]);
    expect(environments).toMatchObject([
      { metadata: { name: "dev" }, spec: { secrets: [{ name: variable, value: SECRET }] } },
    ]);
    expect([code, inspect(servers, { depth: 9 }).includes(SECRET)]).toEqual([0, false]);
    expect(world.stdout() + world.stderr()).not.toContain(SECRET);
    if (options.isTTY) expect(world.stderr()).toContain("next: stigmer mcp login my-web2 --env dev\n");
  });

  it("only names the secret's variable where it is kept already, and asks for nothing", async () => {
    const { run, servers, environments } = await scene({ stdin: `${SECRET}\n` });

    await run(...SERVER, ...CLIENT, "--oauth-secret-variable", "THEIR_SECRET");

    expect(servers).toMatchObject([
      { spec: { transport: { value: { oauth: { clientSecretVariable: "THEIR_SECRET" } } } } },
    ]);
    expect(environments).toEqual([]);
  });

  it.each([
    ["a client that nobody knows", [...SERVER, "--oauth-client-id", "ours"]],
    ["a secret without a client", [...SERVER, "--oauth-secret-env", "dev"]],
    ["a secret's file without a place for it", [...SERVER, ...CLIENT, "--oauth-secret-file", "secret.txt"]],
    ["a scope that is none", [...SERVER, "--oauth-scope", 'a"b']],
    ["a variable that is none", [...SERVER, ...CLIENT, "--oauth-secret-variable", "no-name"]],
    ["a value beside the variable", [...SERVER, ...CLIENT, "--oauth-secret-variable", `A=${SECRET}`]],
    ["a program that somebody signs in to", ["add", "x", "--oauth-scope", "read", "--", "npx"]],
    ["a secret as an argument", [...SERVER, ...CLIENT, "--oauth-client-secret", SECRET]],
  ])("refuses %s, says what to do, and keeps nothing", async (_, args) => {
    const { run, servers, environments, world } = await scene({ stdin: `${SECRET}\n` });

    expect([await run(...args), servers, environments]).toEqual([2, [], []]);
    expect(world.stderr().trim().split("\n")).toHaveLength(2);
    expect(world.stderr()).not.toContain(SECRET);
  });

  it("keeps nothing where the secret is empty", async () => {
    const { run, servers, environments } = await scene();

    expect([await run(...SERVER, ...CLIENT, "--oauth-secret-env", "dev"), servers, environments]).toEqual([2, [], []]);
  });

  it("keeps nothing where the secret's file is not there", async () => {
    const { run, servers, world } = await scene();
    const where = ["--oauth-secret-env", "dev", "--oauth-secret-file", "nowhere.txt"];

    expect([await run(...SERVER, ...CLIENT, ...where), servers]).toEqual([2, []]);
    expect(world.stderr()).toContain("nowhere.txt: ENOENT");
  });

  it("keeps the server where the secret can't be kept, and says how to set it", async () => {
    const { run, servers, world } = await scene({ stdin: `${SECRET}\n`, refusesSecret: true });

    expect([await run(...SERVER, ...CLIENT, "--oauth-secret-env", "dev"), servers.length]).toEqual([2, 1]);
    expect(world.stderr()).toContain("the client's secret was not kept: is too short");
    expect(world.stderr()).toContain("stigmer env set-secret dev MY_WEB2_CLIENT_SECRET");
    expect(world.stderr()).not.toContain(SECRET);
  });

  it("says of an issuer that is none where it was written, and keeps no secret", async () => {
    const { run, environments, world } = await scene({ stdin: `${SECRET}\n`, refusesIssuer: true });

    expect([await run(...SERVER, ...CLIENT, "--oauth-secret-env", "dev"), environments]).toEqual([2, []]);
    expect(world.stderr()).toContain("--oauth-issuer: is no issuer");
  });
});

type Scene = WorldOptions & {
  readonly refusesSecret?: boolean;
  readonly refusesIssuer?: boolean;
  readonly file?: string;
};

async function scene({ refusesSecret, refusesIssuer, file: _, ...options }: Scene = {}) {
  const servers: unknown[] = [];
  const environments: unknown[] = [];
  const invalid = (field: string, why: string) =>
    refusal(Code.InvalidArgument, "INVALID_REQUEST", { fields: { [field]: why } });
  const world = await createWorld({
    ...options,
    backends: {
      [URL_OF_BACKEND](router) {
        router.service(McpServerCommandController, {
          create(server) {
            if (refusesIssuer) throw invalid("spec.http.oauth.issuer", "is no issuer");
            servers.push(server);
            return server;
          },
        });
        router.service(EnvironmentQueryController, {
          getByReference() {
            throw refusal(Code.NotFound, "RESOURCE_NOT_FOUND");
          },
        });
        router.service(EnvironmentCommandController, {
          create(environment) {
            if (refusesSecret) throw invalid("", "is too short");
            environments.push(environment);
            return environment;
          },
        });
      },
    },
  });
  return {
    ...{ world, servers, environments },
    run: (...args: string[]) => world.run("--url", URL_OF_BACKEND, "mcp", ...args),
  };
}
