import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clone, create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  type AgentExecution,
  type Environment,
  EnvironmentCommandController,
  EnvironmentQueryController,
  EnvironmentSchema,
  type EnvironmentSpec,
  EnvironmentStatusSchema,
  SealingKeyPlace,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createBackend, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type WorldOptions } from "../deps.fake.ts";

const SECRET = "a value that nobody sees";

describe("env set", () => {
  it("makes an environment, and changes nothing else of one that is there", async () => {
    const { run, world, specOf } = await scene();

    const codes = [await run("set", "dev", "LEVEL=info", "EMPTY="), await run("set", "dev", "LEVEL=debug")];

    expect(codes).toEqual([0, 0]);
    expect(specOf("dev")?.variables).toEqual({ LEVEL: "debug", EMPTY: "" });
    expect(world.stdout()).toBe("environment/dev has LEVEL, EMPTY\nenvironment/dev has LEVEL\n");
  });

  it("tries again where somebody else was quicker", async () => {
    const { run, environments, specOf } = await scene();
    await run("set", "dev", "A=1");
    environments.stale = 2;

    expect([await run("set", "dev", "B=2"), specOf("dev")?.variables]).toEqual([0, { A: "1", B: "2" }]);
  });

  it.each(["LEVEL", "1A=x", "A B=x"])("refuses %j, and says how it is written", async (word) => {
    const { run, world } = await scene();

    expect(await run("set", "dev", word)).toBe(2);
    expect(world.stderr()).toContain("NAME=value");
  });
});

describe("env set-secret", () => {
  it("asks for the value on a terminal, and shows it nowhere", async () => {
    const { run, world, specOf } = await scene({ isTTY: true, stdin: `${SECRET}\n` });

    const code = await run("set-secret", "dev", "TOKEN");

    expect([code, specOf("dev")?.secrets]).toMatchObject([0, [{ name: "TOKEN", value: SECRET }]]);
    expect(world.stderr()).toContain("TOKEN (not shown): ");
    expect(world.stdout() + world.stderr()).not.toContain(SECRET);
  });

  it("reads the value from a pipe, and from a file, without the line end there", async () => {
    const piped = await scene({ stdin: `${SECRET}\n` });
    await piped.run("set-secret", "dev", "TOKEN", "-o", "json");
    const filed = await scene();
    writeFileSync(join(filed.world.home, "token"), `${SECRET}\r\n`);
    await filed.run("set-secret", "dev", "TOKEN", "--from-file", "token");

    expect(piped.specOf("dev")?.secrets).toMatchObject([{ value: SECRET }]);
    expect(filed.specOf("dev")?.secrets).toMatchObject([{ value: SECRET }]);
    expect(piped.world.stdout()).not.toContain(SECRET);
    expect(JSON.parse(piped.world.stdout())).toMatchObject({ spec: { secrets: [{ name: "TOKEN" }] } });
  });

  it("refuses a value in an argument, does not repeat it, and says what to do instead", async () => {
    const { run, world, specOf } = await scene({ stdin: SECRET });

    expect(await run("set-secret", "dev", `TOKEN=${SECRET}`)).toBe(2);
    expect(world.stderr()).toContain("never an argument");
    expect(world.stderr()).toContain("stigmer env set-secret dev TOKEN");
    expect(world.stderr()).not.toContain(SECRET);
    expect(specOf("dev")).toBeUndefined();
  });

  it.each([
    ["an empty value", { stdin: "\n" }, 2],
    ["a prompt that is given up", { isTTY: true, stdin: "" }, 130],
  ])("sets nothing for %s", async (_, options, code) => {
    const { run, specOf } = await scene(options);

    expect([await run("set-secret", "dev", "TOKEN"), specOf("dev")]).toEqual([code, undefined]);
  });
});

describe("env unset", () => {
  it("removes variables and secrets, and says what was not there", async () => {
    const { run, world, specOf } = await scene({ stdin: SECRET });
    await run("set", "dev", "A=1", "B=2");
    await run("set-secret", "dev", "TOKEN");

    expect(await run("unset", "dev", "A", "TOKEN", "NONE")).toBe(0);
    expect(specOf("dev")).toMatchObject({ variables: { B: "2" }, secrets: [] });
    expect(world.stderr()).toContain("NONE was not set");
  });

  it("fails where there is no such environment", async () => {
    expect(await (await scene()).run("unset", "dev", "A")).toBe(1);
  });
});

describe("env get", () => {
  it("shows variables, and of secrets only when they were set", async () => {
    const { run, world } = await scene({ stdin: SECRET });
    await run("set", "dev", "LEVEL=info");
    await run("set-secret", "dev", "TOKEN");
    const before = world.stdout().length;

    expect(await run("get", "dev")).toBe(0);
    expect(world.stdout().slice(before)).toBe("LEVEL\tinfo\t\nTOKEN\t(secret)\t2026-01-31T12:00:00.000Z\n");
  });
});

describe("env import", () => {
  const DOT_ENV = `# of the team\nexport TOKEN="${SECRET}"\nPORT=3000\nKEY='hush''s' # no\n`;

  it("sets what a file says, as secrets but for those that are told to be none", async () => {
    const { run, world, specOf } = await scene();
    writeFileSync(join(world.home, ".env"), `TOKEN="${SECRET}\\n"\nPORT=3000\n`);

    expect(await run("import", "dev", "--plain", "PORT")).toBe(0);
    expect(specOf("dev")).toMatchObject({
      variables: { PORT: "3000" },
      secrets: [{ name: "TOKEN", value: `${SECRET}\n` }],
    });
    expect(world.stdout()).toBe("environment/dev has 2 values of .env, 1 of them secrets\n");
  });

  it("sets nothing where a secret would be short, and names it without its value", async () => {
    const { run, world, specOf } = await scene({ stdin: `TOKEN=${SECRET}\nPIN=1234\n` });

    expect([await run("import", "dev", "-"), specOf("dev")]).toEqual([2, undefined]);
    expect(world.stderr()).toContain("--plain PIN");
    expect(world.stderr()).not.toContain("1234");
  });

  it("says which line is wrong, and not what stands there", async () => {
    const { run, world } = await scene({ stdin: DOT_ENV });

    expect(await run("import", "dev", "-")).toBe(2);
    expect(world.stderr()).toContain("line 4");
    expect(world.stderr()).not.toContain("hush");
  });
});

it("says where the new key is after a rotation", async () => {
  const { run, world } = await scene();

  expect(await run("rotate-key")).toBe(0);
  expect(world.stdout()).toBe("a new key seals secrets: k2 in a key file; data keys wrapped anew: 3\n");
});

describe("agent execute", () => {
  it("sends environments and values along, secrets from a prompt, a pipe or a file", async () => {
    const { world, backend } = await scene({ stdin: `${SECRET}\n` });
    writeFileSync(join(world.home, "key"), "of a file\n");
    const values = [
      "--env",
      "a",
      "--env",
      "b",
      "--value",
      "LEVEL=info",
      "--secret",
      "TOKEN",
      "--secret-file",
      "KEY=key",
    ];

    await world.run("agent", "execute", "a1", "hi", "--detach", ...values, "--url", URL_OF_BACKEND);

    const { spec } = backend.requests.at(-1) as AgentExecution;
    expect(spec?.environments).toEqual(["a", "b"]);
    expect(spec?.values).toMatchObject([
      { name: "LEVEL", value: "info", secretValue: "" },
      { name: "KEY", secretValue: "of a file" },
      { name: "TOKEN", secretValue: SECRET },
    ]);
    expect(world.stdout() + world.stderr()).not.toContain(SECRET);
  });

  it("refuses a secret whose value is an argument", async () => {
    const { world } = await scene();

    expect(
      await world.run("agent", "execute", "a1", "hi", "--secret", `TOKEN=${SECRET}`, "--url", URL_OF_BACKEND),
    ).toBe(2);
    expect(world.stderr()).not.toContain(SECRET);
  });
});

async function scene(options: WorldOptions = {}) {
  const backend = createBackend();
  const environments = { all: new Map<string, Environment>(), stale: 0 };
  const world = await createWorld({
    ...options,
    backends: {
      [URL_OF_BACKEND]: (router) => {
        backend.routes(router);
        router.service(EnvironmentQueryController, { getByReference: ({ name }) => found(environments.all, name) });
        router.service(EnvironmentCommandController, {
          create: (environment) => store(environments.all, environment),
          update(environment) {
            if (environments.stale-- > 0) throw refusal(Code.Aborted, "VERSION_MOVED");
            return store(environments.all, environment);
          },
          rotateKey: () => ({ dataKeys: 3, key: { place: SealingKeyPlace.FILE, id: "k2" } }),
        });
      },
    },
  });
  const specOf = (name: string): EnvironmentSpec | undefined => environments.all.get(name)?.spec;
  const run = (...args: string[]) => world.run("env", ...args, "--url", URL_OF_BACKEND);
  return { world, backend, environments, specOf, run };
}

function found(all: ReadonlyMap<string, Environment>, name: string): Environment {
  const environment = all.get(name);
  if (!environment) throw refusal(Code.NotFound, "RESOURCE_NOT_FOUND");
  return shown(environment);
}

function store(all: Map<string, Environment>, environment: Environment): Environment {
  all.set(environment.metadata?.name ?? "", environment);
  return shown(environment);
}

/** As a backend shows it: no values of secrets. */
function shown(environment: Environment): Environment {
  const copy = clone(EnvironmentSchema, environment);
  const updateTime = timestampFromMs(Date.parse("2026-01-31T12:00:00Z"));
  for (const secret of copy.spec?.secrets ?? []) secret.value = "";
  const secrets = copy.spec?.secrets.map(({ name }) => ({ name, updateTime })) ?? [];
  copy.status = create(EnvironmentStatusSchema, { secrets });
  return copy;
}
