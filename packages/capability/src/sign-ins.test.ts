import type { PipelineDeps } from "@stigmer/resource";
import { expect, it } from "vitest";
import type { Grant, SignIn } from "./port.ts";
import { createSignIns } from "./sign-ins.ts";

const NOW = 1_000_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const SERVER = { org: "local", id: "mcp_1" };
const URL_OF_SERVER = "https://tools.test/mcp";

/** What is masked of a sign-in that ends with this grant, and until when. */
async function maskedOf(grant: Partial<Grant>): Promise<unknown[]> {
  const masked: unknown[] = [];
  const clock = { now: () => NOW, monotonic: () => 0 };
  const begun = { authorizationUrl: "https://issuer.test/", issuer: "https://issuer.test", scopes: [], pending: "p" };
  const ended = { accessToken: "access-token", renewal: "", revocation: "", scopes: [], ...grant };
  let state = "";
  const signIn = {
    begin: async (of: { readonly state: string }) => {
      state = of.state;
      return begun;
    },
    finish: async () => ended,
  } as unknown as SignIn;
  const signIns = createSignIns({
    resources: { clock } as PipelineDeps,
    signIn,
    mask: (...of) => void masked.push(...of),
  });
  const { signal } = new AbortController();
  const request = { serverUrl: URL_OF_SERVER } as Parameters<typeof signIns.begin>[1];
  await signIns.begin(SERVER, request, signal);
  await signIns.finish(SERVER, { url: URL_OF_SERVER, state, code: "c", iss: "" }, signal);
  return masked;
}

it("masks a token for a day beyond its end", async () => {
  expect(await maskedOf({ lifetimeMs: 3_600_000 })).toEqual([["access-token"], NOW + 3_600_000 + DAY_MS]);
});

it("masks a token that has no end for good", async () => {
  expect(await maskedOf({})).toEqual([["access-token"], undefined]);
});
