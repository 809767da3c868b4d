import { create } from "@bufbuild/protobuf";
import { McpServerCommandController, McpServerQueryController, McpServerSchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import type { Processes } from "../backend/processes.ts";
import { createWorld, URL_OF_BACKEND, type World, type WorldOptions } from "../deps.fake.ts";

const STATE = "state-of-this-sign-in";

describe("mcp login", () => {
  it("shows who signs people in, and ends with what the browser brings back to this machine", async () => {
    const { world, run, requests, browsers } = await scene();

    const code = await run("login", "web", "--env", "dev");

    expect([code, world.stdout()]).toEqual([0, "mcpserver/web signed in\n"]);
    expect(world.stderr()).toContain(
      "sign in at https://auth.example, which is another host than the server's (a.example)",
    );
    expect(world.stderr()).toContain("open this page: https://auth.example/authorize?");
    expect(requests).toMatchObject([
      {
        id: "mcp_1",
        environments: ["dev"],
        redirectUri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}$/),
      },
      { id: "mcp_1", state: STATE, code: "the-code", iss: "https://auth.example" },
    ]);
    expect(await Promise.all(browsers)).toEqual([404, 404, 200]);
  });

  it("comes back to the path that was registered with a client", async () => {
    const { run, requests } = await scene({ clientId: "ours" });

    await run("login", "web");

    expect(requests[0]).toMatchObject({ redirectUri: expect.stringMatching(/:\d+\/callback$/) });
  });

  it("takes the address from the terminal where the browser is on another machine", async () => {
    const stdin = `http://127.0.0.1:50000/x?code=pasted&state=${STATE}\n`;
    const { run, requests } = await scene({ stdin });

    expect(await run("login", "web", "--no-browser")).toBe(0);
    expect(requests[1]).toMatchObject({ state: STATE, code: "pasted", iss: "" });
  });

  it.each([
    ["another state", "http://127.0.0.1/x?code=c&state=other", "another sign-in"],
    ["a refusal", `http://127.0.0.1/x?error=access_denied&error_description=evil&state=${STATE}`, "access_denied"],
    ["no code", `http://127.0.0.1/x?state=${STATE}`, "without a code"],
    ["no address", "hello", "no address"],
  ])("refuses %s, and ends nothing", async (_, line, words) => {
    const { run, requests, world } = await scene({ stdin: `${line}\n` });

    expect(await run("login", "web", "--no-browser")).toBe(1);
    expect(world.stderr()).toContain(words);
    expect(world.stderr()).not.toContain("evil");
    expect(requests).toHaveLength(1);
  });

  it("asks for the scopes that it is told, each once, also where several stand in one word", async () => {
    const { run, requests } = await scene();

    await run("login", "web", "--scope", "read", "--scope", "files:write read");

    expect(requests[0]).toMatchObject({ scopes: ["read", "files:write"] });
  });

  it.each(['a"b', "a\\b", "a\tb", "ä", "x".repeat(257)])(
    "refuses %j, which is no scope, and begins nothing",
    async (scope) => {
      const { run, world, requests } = await scene();

      expect([await run("login", "web", "--scope", scope), requests]).toEqual([2, []]);
      expect(world.stderr()).toContain(`${JSON.stringify(scope)} is no scope`);
    },
  );

  it("opens the page where it is told to, after it was shown, and no shell reads its address", async () => {
    const { run, world, opened, shownBefore } = await scene({ opener: "exit code 0" });

    expect(await run("login", "web", "--open")).toBe(0);
    expect(opened.map((command) => command.at(-1))).toEqual([`https://auth.example/authorize?state=${STATE}`]);
    expect(shownBefore).toEqual([true]);
    expect(world.stderr()).not.toContain("no browser");
  });

  it("opens nothing unless it is told to", async () => {
    const { run, opened } = await scene({ opener: "exit code 0" });

    expect([await run("login", "web"), opened]).toEqual([0, []]);
  });

  it.each([
    ["is not there", "spawn xdg-open ENOENT"],
    ["fails", "exit code 3"],
    ["can't be started at all", new Error("spawn EAGAIN")],
  ])("goes on where the program that opens pages %s, and says so", async (_, opener) => {
    const { run, world } = await scene({ opener });

    expect([await run("login", "web", "--open"), world.stdout()]).toEqual([0, "mcpserver/web signed in\n"]);
    expect(world.stderr()).toContain("note: no browser was opened");
  });

  it("refuses to open a browser that is on another machine", async () => {
    const { run, requests, opened } = await scene({ opener: "exit code 0" });

    expect([await run("login", "web", "--open", "--no-browser"), requests, opened]).toEqual([2, [], []]);
  });

  it("is left by Ctrl-C", async () => {
    const { run, requests } = await scene({ interrupts: true });

    expect(await run("login", "web")).toBe(130);
    expect(requests).toHaveLength(1);
  });
});

type Scene = WorldOptions & {
  readonly clientId?: string;
  readonly interrupts?: boolean;
  /** How the program ends that opens pages; an error where it can't be started. */
  readonly opener?: string | Error;
};

/** A backend with one server, `web`, and browsers that come back: at a wrong path, with a wrong state, and well. */
async function scene({ clientId = "", interrupts, opener, ...options }: Scene = {}) {
  const requests: unknown[] = [];
  const opened: (readonly string[])[] = [];
  const shownBefore: boolean[] = [];
  const browsers: Promise<number>[] = [];
  const transport = { case: "http" as const, value: { url: "https://a.example/mcp", oauth: { clientId } } };
  const web = create(McpServerSchema, { metadata: { name: "web", id: "mcp_1" }, spec: { transport } });
  let redirectUri = "";
  const note = (request: unknown): void => void requests.push(request);
  const detach: Processes["detach"] = ({ command }) => {
    if (opener instanceof Error) throw opener;
    opened.push(command);
    shownBefore.push(world.stderr().includes("open this page: https://auth.example/"));
    return { pid: 1, end: () => opener };
  };
  const world: World = await createWorld({
    ...options,
    processes: { detach },
    backends: {
      [URL_OF_BACKEND](router) {
        router.service(McpServerQueryController, { get: () => web, getByReference: () => web });
        router.service(McpServerCommandController, {
          login(request) {
            note(request);
            redirectUri = request.redirectUri;
            const authorizationUrl = `https://auth.example/authorize?state=${STATE}`;
            return { authorizationUrl, issuer: "https://auth.example", scopes: ["read"] };
          },
          completeLogin(request) {
            note(request);
            return web;
          },
        });
      },
    },
  });
  const { stderr } = world.deps;
  const write = async (text: string): Promise<void> => {
    await stderr.write(text);
    if (!text.startsWith("open this page") || options.stdin) return;
    if (interrupts) setImmediate(() => world.interrupt());
    else browsers.push(...comeBack(redirectUri));
  };
  Object.assign(world.deps, { stderr: { ...stderr, write } });
  return {
    ...{ world, requests, browsers, opened, shownBefore },
    run: (...args: string[]) => world.run("--url", URL_OF_BACKEND, "mcp", ...args),
  };
}

function comeBack(uri: string): Promise<number>[] {
  const status = async (url: string): Promise<number> => (await fetch(url)).status;
  const wrong = [status(`${uri}x?state=${STATE}&code=a`), status(`${uri}?state=guessed&code=b`)];
  const answer = `${uri}?state=${STATE}&code=the-code&iss=https%3A%2F%2Fauth.example`;
  return [...wrong, Promise.all(wrong).then(() => status(answer))];
}
