import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  McpServerCommandController,
  McpServerQueryController,
  McpServerSchema,
  type McpServerStatusSchema,
  TokenRevocation,
} from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { createWorld, URL_OF_BACKEND } from "../deps.fake.ts";

type Status = MessageInitShape<typeof McpServerStatusSchema>;

const SIGNED_IN: Status = { signIn: { url: "https://a.example/mcp", expireTime: timestampFromMs(0) } };
const outAt = (ms: number, revocation: TokenRevocation): Status => ({
  signOut: { signOutTime: timestampFromMs(ms), revocation },
});

describe("mcp logout", () => {
  it.each<[string, Status, Status, RegExp]>([
    [
      "that the issuer took the tokens back",
      SIGNED_IN,
      outAt(1, TokenRevocation.REVOKED),
      /^the .* taken them back\n$/,
    ],
    [
      "that it offers nothing of the kind, and until when the token is good",
      SIGNED_IN,
      outAt(1, TokenRevocation.NOT_OFFERED),
      /^note: .* no way to take them back.*1970-01-01T00:00:00.000Z\)\n$/,
    ],
    ["that it did not", SIGNED_IN, outAt(1, TokenRevocation.FAILED), /^note: .*did not take them back.*1970/],
    ["no more than it knows of an older backend", SIGNED_IN, {}, /^the tokens are forgotten\n$/],
    ["that nobody was signed in", {}, {}, /^nobody was signed in\n$/],
    [
      "nothing of a sign-out before",
      outAt(1, TokenRevocation.REVOKED),
      outAt(1, TokenRevocation.REVOKED),
      /^nobody was signed in\n$/,
    ],
    [
      "what it was this time",
      outAt(1, TokenRevocation.REVOKED),
      outAt(2, TokenRevocation.FAILED),
      /did not take them back/,
    ],
  ])("says %s", async (_, before, after, words) => {
    const { run, world, requests } = await scene(before, after);

    expect([await run("logout", "web"), world.stdout()]).toEqual([0, "mcpserver/web signed out\n"]);
    expect(world.stderr()).toMatch(words);
    expect(requests).toMatchObject([{ id: "mcp_1" }]);
  });

  it("writes the contract's JSON to who asks for it", async () => {
    const { run, world } = await scene(SIGNED_IN, outAt(1, TokenRevocation.REVOKED));

    await run("logout", "web", "-o", "json");

    expect(JSON.parse(world.stdout())).toMatchObject({
      status: { signOut: { revocation: "TOKEN_REVOCATION_REVOKED" } },
    });
  });
});

async function scene(before: Status, after: Status) {
  const requests: unknown[] = [];
  const web = (status: Status) => create(McpServerSchema, { metadata: { name: "web", id: "mcp_1" }, status });
  const world = await createWorld({
    backends: {
      [URL_OF_BACKEND](router) {
        router.service(McpServerQueryController, { get: () => web(before), getByReference: () => web(before) });
        router.service(McpServerCommandController, {
          logout(request) {
            requests.push(request);
            return web(after);
          },
        });
      },
    },
  });
  return { world, requests, run: (...args: string[]) => world.run("--url", URL_OF_BACKEND, "mcp", ...args) };
}
