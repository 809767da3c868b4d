import { type SignInStandin, type SignInStandinOptions, signInStandin } from "@stigmer/standins";
import { describe, expect, it } from "vitest";
import { createGuardedFetch } from "./guarded-fetch.ts";
import { createOAuthSignIn } from "./oauth-sign-in.ts";
import { revoke } from "./revoke.ts";

const SIGNAL = new AbortController().signal;
const CLIENT = { id: "ours", secret: "hush-hush" };
const REQUEST = { redirectUri: "http://127.0.0.1:7777/back", state: "s", scopes: [] };
const NO_CLIENT = { clientId: "", clientSecret: "", issuer: "" };

async function signedIn(standin: SignInStandin, client = NO_CLIENT, scopes: readonly string[] = []) {
  const signIn = createOAuthSignIn();
  const asked = { serverUrl: standin.serverUrl, ...REQUEST, ...client, scopes };
  const { url, pending } = await signIn.begin(asked, SIGNAL);
  const said = await standin.agree(url);
  return await signIn.finish(pending, { code: said.get("code") ?? "", iss: said.get("iss") ?? "" }, SIGNAL);
}

async function refusal(promise: Promise<unknown>): Promise<{ reason: string; kind: string; message: string }> {
  const error = await promise.then(
    () => ({ reason: "none", kind: "none", message: "" }),
    (thrown: { reason: string; kind: string; message: string }) => thrown,
  );
  return { reason: error.reason, kind: error.kind, message: error.message };
}

describe("a revocation", () => {
  it("takes back what renews first, then the access token, each named for what it is", async () => {
    await using standin = await signInStandin();
    const { accessToken, revocation, renewal } = await signedIn(standin);

    await createOAuthSignIn().revoke(revocation, SIGNAL);

    expect(standin.accepts(accessToken)).toBe(false);
    expect(await refusal(createOAuthSignIn().refresh(renewal, SIGNAL))).toMatchObject({ reason: "SIGN_IN_REQUIRED" });
    expect(standin.revocations.map(({ asked }) => asked.get("token_type_hint"))).toEqual([
      "refresh_token",
      "access_token",
    ]);
    expect(standin.revocations[0]?.asked.get("client_id")).toBeTruthy();
  });

  it("is of the tokens that a renewal brought", async () => {
    await using standin = await signInStandin();
    const first = await signedIn(standin);
    const second = await createOAuthSignIn().refresh(first.renewal, SIGNAL);

    await createOAuthSignIn().revoke(second.revocation, SIGNAL);

    expect(standin.accepts(second.accessToken)).toBe(false);
    expect(await refusal(createOAuthSignIn().refresh(second.renewal, SIGNAL))).toMatchObject({
      reason: "SIGN_IN_REQUIRED",
    });
  });

  it("is of the access token alone where nothing renews it", async () => {
    await using standin = await signInStandin({ tokens: { refresh_token: undefined } });
    const { accessToken, revocation } = await signedIn(standin);

    await createOAuthSignIn().revoke(revocation, SIGNAL);

    expect([standin.revocations.length, standin.accepts(accessToken)]).toEqual([1, false]);
  });

  it.each<[string, SignInStandinOptions["metadata"], boolean]>([
    ["as at the endpoint for tokens", {}, false],
    ["as is said of this endpoint", { revocation_endpoint_auth_methods_supported: ["client_secret_basic"] }, true],
  ])("shows which client asks: %s", async (_, metadata, isHeader) => {
    await using standin = await signInStandin({ client: CLIENT, ...(metadata && { metadata }) });
    const grant = await signedIn(standin, { clientId: CLIENT.id, clientSecret: CLIENT.secret, issuer: standin.issuer });

    await createOAuthSignIn().revoke(grant.revocation, SIGNAL);

    expect(
      standin.revocations.map(({ authorization, asked }) => [Boolean(authorization), asked.has("client_secret")]),
    ).toEqual(Array(2).fill([isHeader, !isHeader]));
    expect(standin.accepts(grant.accessToken)).toBe(false);
  });

  it("is not offered where the issuer says nothing of it", async () => {
    await using standin = await signInStandin({ metadata: { revocation_endpoint: undefined } });

    expect((await signedIn(standin)).revocation).toBe("");
  });

  it.each([
    ["on another host", "https://elsewhere.example/revoke"],
    ["that is not reached by https", "http://elsewhere.example/revoke"],
    ["with a password", "https://user:pass@elsewhere.example/revoke"],
  ])("is not offered at an endpoint %s, and nobody fails to sign in for it", async (_, revocation_endpoint) => {
    await using standin = await signInStandin({ metadata: { revocation_endpoint } });

    const { revocation, renewal } = await signedIn(standin);

    expect(revocation).toBe("");
    expect(renewal).not.toContain("elsewhere");
  });

  it.each(["http://elsewhere.example/revoke", "https://user:pass@elsewhere.example/revoke"])(
    "is not offered at %s, though a person named the issuer",
    async (revocation_endpoint) => {
      await using standin = await signInStandin({ metadata: { revocation_endpoint } });

      expect((await signedIn(standin, { ...NO_CLIENT, issuer: standin.issuer })).revocation).toBe("");
    },
  );

  it("may be at another host where a person named the issuer", async () => {
    await using elsewhere = await signInStandin();
    const metadata = { revocation_endpoint: `${elsewhere.issuer}/revoke` };
    await using standin = await signInStandin({ metadata });

    const { revocation } = await signedIn(standin, { ...NO_CLIENT, issuer: standin.issuer });
    await refusal(createOAuthSignIn().revoke(revocation, SIGNAL));

    expect(elsewhere.paths).toEqual(["/revoke"]);
  });

  it.each([
    ["a refusal", 400, { error: "invalid_request", error_description: "evil" }, "invalid_request"],
    ["an error with a name of its own making", 400, { error: "Evil: <b>" }, "HTTP 400"],
    ["a failure", 503, "not JSON", "HTTP 503"],
  ])("fails by %s, of which nothing is repeated but its name", async (_, status, body, words) => {
    const said = JSON.stringify(body);
    await using standin = await signInStandin({
      instead: { "/revoke": (response) => response.writeHead(status).end(said) },
    });
    const { revocation, accessToken } = await signedIn(standin);

    const { reason, message } = await refusal(createOAuthSignIn().revoke(revocation, SIGNAL));

    expect([reason, message]).toEqual(["SIGN_IN_FAILED", expect.stringContaining(words)]);
    expect(message).not.toMatch(/evil/i);
    expect(message).not.toContain(accessToken);
  });

  it("has done enough where the issuer knows no other tokens than those that renew", async () => {
    const asked: string[] = [];
    await using standin = await signInStandin({
      instead: {
        "/revoke": (response) => {
          asked.push("one");
          response.writeHead(asked.length === 1 ? 200 : 400).end('{"error":"unsupported_token_type"}');
        },
      },
    });

    await createOAuthSignIn().revoke((await signedIn(standin)).revocation, SIGNAL);

    expect(asked).toHaveLength(2);
  });

  it("sends a token nowhere that the endpoint points to", async () => {
    await using elsewhere = await signInStandin();
    const location = `${elsewhere.issuer}/revoke`;
    await using standin = await signInStandin({
      instead: { "/revoke": (response) => response.writeHead(307, { location }).end() },
    });

    const { reason } = await refusal(createOAuthSignIn().revoke((await signedIn(standin)).revocation, SIGNAL));

    expect([reason, elsewhere.paths]).toEqual(["SIGN_IN_FAILED", []]);
  });

  it("gives up on who does not answer", async () => {
    await using standin = await signInStandin({ instead: { "/revoke": () => {} } });
    const { revocation } = await signedIn(standin);

    const { reason } = await refusal(createOAuthSignIn({ requestTimeoutMs: 50 }).revoke(revocation, SIGNAL));

    expect(reason).toBe("TOOL_SERVER_FAILED");
  });

  it.each(["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1"])(
    "does not reach %s on a private network, though the name was another's before",
    async (address) => {
      const serverUrl = "https://mcp.example/mcp";
      const fetchFn = createGuardedFetch({
        serverUrl,
        signal: SIGNAL,
        timeoutMs: 1_000,
        resolve: async () => [address],
      });
      const client = { client_id: "ours" };
      const kept = { serverUrl, endpoint: "https://inside.example/revoke", methods: [], client };

      const refused = refusal(revoke({ ...kept, accessToken: "a", refreshToken: "r" }, fetchFn));

      expect((await refused).message).toContain("private network");
    },
  );
});

describe("a grant", () => {
  it("names the scope of renewals where a token for them was given, though the issuer leaves it out", async () => {
    await using standin = await signInStandin({ metadata: { scopes_supported: ["read", "offline_access"] } });

    expect((await signedIn(standin)).scopes).toEqual(["read", "offline_access"]);
    expect((await signedIn(standin, NO_CLIENT, ["read"])).scopes).toEqual(["read"]);
  });
});
