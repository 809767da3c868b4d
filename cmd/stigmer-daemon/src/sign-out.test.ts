import {
  type McpServer,
  McpServerCommandController,
  McpServerQueryController,
  TokenRevocation,
} from "@stigmer/contracts/agentic";
import { type SignInStandin, type SignInStandinOptions, signInStandin } from "@stigmer/standins";
import type { Batch, Store } from "@stigmer/store";
import type { openLevelStore } from "@stigmer/store-leveldb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIntruder, type Intruder } from "./intruder.fake.ts";
import { createWeb, signInTo } from "./sign-in.fake.ts";
import { LEVEL, startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const SEALED = "McpServer/sealed";

let daemon: TestDaemon;
let id: string;
let opened: Store | undefined;
let intruder: Intruder;

beforeEach(async () => {
  intruder = createIntruder();
  const openStore: typeof openLevelStore = async (options) => {
    opened = await intruder.openStore(options);
    return opened as Awaited<ReturnType<typeof openLevelStore>>;
  };
  daemon = await startTestDaemon({ openStore });
});
afterEach(async () => {
  expect(daemon.log.filter(({ level }) => level >= LEVEL.error)).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

const commands = () => daemon.client.service(McpServerCommandController);
const isKept = async () => (await opened?.get({ tenant: "local", kind: SEALED, id })) !== undefined;
const revocationOf = ({ status }: McpServer) => status?.signOut?.revocation;

/** Somebody who has signed in to `web`. */
async function scene(options: SignInStandinOptions = {}): Promise<SignInStandin> {
  const standin = await signInStandin(options);
  id = await createWeb(daemon, standin);
  await signInTo(daemon, standin, { id });
  return standin;
}

describe("a person who signs out", () => {
  it("has the issuer take the tokens back, what renews first", async () => {
    await using standin = await scene();

    const server = await commands().logout({ id });

    expect([revocationOf(server), server.status?.signIn, await isKept()]).toEqual([
      TokenRevocation.REVOKED,
      undefined,
      false,
    ]);
    expect(standin.revocations.map(({ asked }) => asked.get("token")?.split("-")[0])).toEqual(["renewal", "access"]);
  });

  it.each<[string, SignInStandinOptions, TokenRevocation]>([
    ["offers nothing of the kind", { metadata: { revocation_endpoint: undefined } }, TokenRevocation.NOT_OFFERED],
    ["refuses", { instead: { "/revoke": (response) => response.writeHead(400).end() } }, TokenRevocation.FAILED],
    ["breaks off", { instead: { "/revoke": (response) => response.destroy() } }, TokenRevocation.FAILED],
  ])("is rid of the tokens though the issuer %s, and is told", async (_, options, revocation) => {
    await using _standin = await scene(options);

    const server = await commands().logout({ id });

    expect([revocationOf(server), server.status?.signIn, await isKept()]).toEqual([revocation, undefined, false]);
  });

  it("waits a few seconds at most for an issuer that does not answer", { timeout: 20_000 }, async () => {
    await using _standin = await scene({ instead: { "/revoke": () => {} } });
    const since = performance.now();

    const server = await commands().logout({ id });

    expect([revocationOf(server), await isKept()]).toEqual([TokenRevocation.FAILED, false]);
    expect(performance.now() - since).toBeLessThan(9_000);
  });

  it("is rid of the tokens though the issuer is away", async () => {
    const standin = await scene();
    await standin[Symbol.asyncDispose]();

    expect([revocationOf(await commands().logout({ id })), await isKept()]).toEqual([TokenRevocation.FAILED, false]);
  });

  it("is rid of tokens that can't be opened any more", async () => {
    await using standin = await scene();
    const row = await opened?.get({ tenant: "local", kind: SEALED, id });
    const bytes = Buffer.from("sealed:v1:of:nothing");
    if (row) await opened?.commit({ puts: [{ ...row, bytes }] }, []);

    const server = await commands().logout({ id });

    expect([revocationOf(server), await isKept(), standin.revocations]).toEqual([TokenRevocation.FAILED, false, []]);
  });

  it("has those tokens taken back, too, that another sign-in brought at that moment", async () => {
    await using standin = await scene();
    const isSignOut = ({ deletes = [] }: Batch): boolean => deletes.some(({ kind }) => kind === SEALED);
    intruder.beforeCommit(isSignOut, () => signInTo(daemon, standin, { id }));

    const server = await commands().logout({ id });

    expect([revocationOf(server), await isKept()]).toEqual([TokenRevocation.REVOKED, false]);
    expect(new Set(standin.revocations.map(({ asked }) => asked.get("token"))).size).toBe(4);
  });

  it("is told the same once more, and the issuer is asked nothing, where nobody is signed in any more", async () => {
    await using standin = await scene();
    const first = await commands().logout({ id });

    const second = await commands().logout({ id });

    expect(second).toEqual(first);
    expect(standin.revocations).toHaveLength(2);
  });

  it("and signs in again is signed in, and was never out", async () => {
    await using standin = await scene();
    await commands().logout({ id });

    const { status } = await signInTo(daemon, standin, { id });

    expect([status?.signIn?.url, status?.signOut]).toEqual([standin.serverUrl, undefined]);
  });

  it("is still out after the server was changed", async () => {
    await using standin = await scene();
    const { metadata, spec } = await commands().logout({ id });

    const next = { metadata: { name: "web", resourceVersion: metadata?.resourceVersion ?? "" } };
    await commands().update({ ...next, spec: { ...spec, description: "changed" } as never });

    const { status } = await daemon.client.service(McpServerQueryController).get({ id });
    expect(status?.signOut?.revocation).toBe(TokenRevocation.REVOKED);
    expect(standin.revocations).toHaveLength(2);
  });

  it("leaves no token in the log, whatever the issuer repeats", async () => {
    await using standin = await scene({
      instead: {
        "/revoke": (response, request) => {
          request.on("data", (chunk: Buffer) => response.writeHead(400).end(JSON.stringify({ error: `${chunk}` })));
        },
      },
    });

    const server = await commands().logout({ id });

    expect([revocationOf(server), standin.paths.at(-1)]).toEqual([TokenRevocation.FAILED, "/revoke"]);
    expect(JSON.stringify(daemon.log)).not.toMatch(/renewal-[0-9a-f]|access-[0-9a-f]/);
  });
});
