import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ApprovalSchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { agentOf, createBackend } from "../backend.fake.ts";
import { SHELLS } from "../completion/scripts.ts";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";

const FAR = "https://stigmer.example.com";

describe("a context", () => {
  it("says where commands go, and for which organization", async () => {
    const { world, requests } = await scene();

    const code = await world.run("list", "agents", "-o", "name");

    expect([code, world.stdout(), requests()]).toMatchObject([0, "agent/far\n", [{ org: "acme" }]]);
  });

  it("gives way to --url", async () => {
    const { world } = await scene();

    await world.run("list", "agents", "-o", "name", "--url", URL_OF_BACKEND);

    expect(world.stdout()).toBe("agent/near\n");
  });

  it("local is this machine's daemon again", async () => {
    const { world } = await scene();

    await world.run("list", "agents", "-o", "name", "--context", "local");

    expect(world.stdout()).toBe("agent/near\n");
  });

  it.each([
    [["use", "prood"], 2, 'error: there is no context "prood"\ndid you mean prod?\n'],
    [["set", "new"], 2, "error: a new context needs its --url\nstigmer context set new --url <url>\n"],
    [["set", "local", "--url", FAR], 2, "error: local is this machine's daemon\nchoose another name\n"],
    [
      ["delete", "prod"],
      1,
      "error: the context prod is the chosen one\nchoose another first: stigmer context use local\n",
    ],
  ])("refuses %j", async (words, exit, stderr) => {
    const { world } = await scene();

    expect([await world.run("context", ...words), world.stderr()]).toEqual([exit, stderr]);
  });

  it("is listed, changed and forgotten", async () => {
    const { world, said } = await scene();

    await world.run("context", "set", "prod", "--org", "other");
    await world.run("context", "show", "-o", "json");
    await world.run("context", "use", "local");
    await world.run("context", "delete", "prod");
    await world.run("context", "list", "-o", "name");

    expect(said()).toBe(
      `context prod set\n${JSON.stringify({ name: "prod", url: FAR, org: "other", current: true }, null, 2)}\ncontext local\ncontext prod deleted\nlocal\n`,
    );
  });

  it("with a setting that nothing reads is refused", async () => {
    const { world } = await scene();
    await writeFile(join(world.home, "config.yaml"), "context: prod\ncontexts:\n  prod: { uri: x }\n");

    const code = await world.run("list", "agents");

    expect([code, world.stderr()]).toEqual([1, expect.stringContaining("contexts.prod.uri is no setting")]);
  });
});

describe("completion", () => {
  it.each(SHELLS)("has a script for %s", async (shell) => {
    const world = await createWorld();

    expect([await world.run("completion", shell), world.stdout()]).toEqual([
      0,
      expect.stringContaining("completion words --"),
    ]);
  });

  it.each([
    [["ex"], ["explain", "execution"]],
    [
      ["local", "st"],
      ["start", "stop", "status"],
    ],
    [
      ["get", "mcp"],
      ["mcpserver", "mcpservers"],
    ],
    [["get", "agent", ""], ["far"]],
    [["get", "agent/f"], ["agent/far"]],
    [["delete", "agent", "x", ""], []],
    [["agent", "execute", "f"], ["far"]],
    [["chat", "f"], ["far"]],
    [["agent", "create", "n"], []],
    [["list", "agents", "--sel"], ["--selector"]],
    [["list", "agents", "-o", "y"], ["yaml"]],
    [
      ["agent", "execute", "near", "--approve", ""],
      ["never", "all", "fail"],
    ],
    [["delete", "agent", "--running", "c"], ["cancel"]],
    [["no-such-command", ""], []],
    [["execution", "pause", ""], ["a1-x"]],
    [["execution", "fork", "x", "--agent", "f"], ["far"]],
    [["runner", "drain", ""], ["bundled"]],
    [["approval", "approve", ""], ["apr-1"]],
    [["approval", "approve", "apr-1", "apr_"], ["apr_1"]],
    [["approval", "get", "apr_"], ["apr_1"]],
    [
      ["approval", "approve", "x", "--scope", ""],
      ["once", "tool", "server"],
    ],
  ])("of %j is %j", async (words, expected) => {
    const { world } = await scene();

    const code = await world.run("completion", "words", "--", "--context", "prod", ...words);

    expect([code, world.stdout().split("\n").slice(0, -1), world.stderr()]).toEqual([0, expected, ""]);
  });

  it("of names says nothing where no backend is there, and starts none", async () => {
    const world = await createWorld();

    expect([await world.run("completion", "words", "--", "get", "agent", ""), world.stdout()]).toEqual([0, ""]);
  });
});

describe("conformance", () => {
  it("runs the suite's program with what it was told, and ends as it does", async () => {
    const ran: (readonly string[])[] = [];
    const world = await createWorld({
      processes: {
        async run({ command }) {
          ran.push(command);
          return 1;
        },
      },
    });
    await writeFile(join(world.home, "conformance.mjs"), "");

    const code = await world.run("conformance", "--url", FAR, "--claims", "c.yaml", "--only", "watch", "-o", "json");

    const given = ["--url", FAR, "--claims", join(world.home, "c.yaml"), "--only", "watch", "--json"];
    expect([code, ran]).toEqual([1, [["node", join(world.home, "conformance.mjs"), ...given]]]);
  });

  it("says how to get the program where it is not there", async () => {
    const world = await createWorld();

    expect([await world.run("conformance", "--url", FAR), world.stderr()]).toEqual([
      1,
      expect.stringContaining("make build"),
    ]);
  });

  it("needs a backend that is named", async () => {
    const world = await createWorld();

    expect(await world.run("conformance")).toBe(2);
  });
});

async function scene(): Promise<{
  readonly world: World;
  readonly requests: () => unknown[];
  readonly said: () => string;
}> {
  const near = createBackend();
  const far = createBackend();
  near.agents.set("near", agentOf("near"));
  far.agents.set("far", agentOf("far"));
  far.approvals.set("apr_1", create(ApprovalSchema, { metadata: { id: "apr_1", name: "apr-1" } }));
  const world = await createWorld({ backends: { [URL_OF_BACKEND]: near.routes, [FAR]: far.routes } });
  await writeFile(join(world.home, "config.yaml"), `context: prod\ncontexts:\n  prod: { url: "${FAR}", org: acme }\n`);
  return { world, requests: () => far.requests, said: world.stdout };
}
