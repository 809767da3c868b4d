import type { ServerResponse } from "node:http";
import { type SignInStandin, type SignInStandinOptions, signInStandin } from "@stigmer/standins";
import { describe, expect, it } from "vitest";
import { createOAuthSignIn, type SignInOptions } from "./oauth-sign-in.ts";

const REDIRECT = "http://127.0.0.1:7777/back";
const SIGNAL = new AbortController().signal;
const PADDING = "x".repeat(10 * 1024 * 1024);
const NO_SCOPES: readonly string[] = [];
const REQUEST = {
  redirectUri: REDIRECT,
  state: "the-state",
  clientId: "",
  clientSecret: "",
  issuer: "",
  scopes: NO_SCOPES,
};

type Asked = Partial<typeof REQUEST> & { readonly serverUrl?: string };

function begin(standin: SignInStandin, asked: Asked = {}, options: SignInOptions = {}) {
  return createOAuthSignIn(options).begin({ serverUrl: standin.serverUrl, ...REQUEST, ...asked }, SIGNAL);
}

async function signedIn(standin: SignInStandin, asked: Asked = {}) {
  const { url, pending } = await begin(standin, asked);
  const said = await standin.agree(url);
  return await createOAuthSignIn().finish(
    pending,
    { code: said.get("code") ?? "", iss: said.get("iss") ?? "" },
    SIGNAL,
  );
}

async function refusal(promise: Promise<unknown>): Promise<{ reason: string; kind: string; message: string }> {
  const error = await promise.then(
    () => ({ reason: "none", kind: "none", message: "" }),
    (thrown: { reason: string; kind: string; message: string }) => thrown,
  );
  return { reason: error.reason, kind: error.kind, message: error.message };
}

describe("a sign-in", () => {
  it("registers a client, proves with PKCE who asked, and names the resource", async () => {
    await using standin = await signInStandin();

    const grant = await signedIn(standin);

    expect(standin.accepts(grant.accessToken)).toBe(true);
    expect(grant).toMatchObject({ issuer: standin.issuer, scopes: ["read"], lifetimeMs: 3_600_000 });
    expect(standin.registrations).toMatchObject([{ redirect_uris: [REDIRECT], token_endpoint_auth_method: "none" }]);
    expect(standin.tokenRequests[0]?.get("resource")).toBe(standin.serverUrl);
  });

  it("uses the client that was registered beforehand, with its secret, and asks for the scopes that it is told", async () => {
    await using standin = await signInStandin({ client: { id: "ours", secret: "hush-hush" }, registers: false });

    const client = { clientId: "ours", clientSecret: "hush-hush", issuer: standin.issuer };
    const { url } = await begin(standin, { ...client, scopes: ["a", "b"] });
    const grant = await signedIn(standin, client);

    expect(new URL(url).searchParams.get("scope")).toBe("a b");
    expect(url).not.toContain("hush-hush");
    expect(standin.accepts(grant.accessToken)).toBe(true);
    expect(standin.registrations).toEqual([]);
  });

  it("asks for renewals where they have a scope of their own", async () => {
    await using standin = await signInStandin({ metadata: { scopes_supported: ["read", "offline_access"] } });

    expect((await begin(standin)).scopes).toEqual(["read", "offline_access"]);
    expect((await begin(standin, { scopes: ["a"] })).scopes).toEqual(["a"]);
  });

  it("carries the state, and shows who signs people in before anything is opened", async () => {
    await using other = await signInStandin();
    await using standin = await signInStandin({ resource: { authorization_servers: [other.issuer] } });

    const begun = await begin(standin);

    expect(new URL(begun.url).searchParams.get("state")).toBe("the-state");
    expect(begun.issuer).toBe(other.issuer);
    expect(other.paths).not.toContain("/authorize");
  });

  it.each<[string, SignInStandinOptions]>([
    ["the metadata are those of another resource", { resource: { resource: "https://other.example/mcp" } }],
    ["the metadata are those of another issuer", { metadata: { issuer: "https://other.example" } }],
    ["PKCE is not promised", { metadata: { code_challenge_methods_supported: undefined } }],
    ["only PKCE without a digest is promised", { metadata: { code_challenge_methods_supported: ["plain"] } }],
    ["tokens are not given by https", { metadata: { token_endpoint: "http://tokens.example/token" } }],
    ["the page is a script", { metadata: { authorization_endpoint: "javascript:alert(1)" } }],
    ["nobody registers clients", { registers: false }],
    ["who signs people in stands on a strange scheme", { resource: { authorization_servers: ["ftp://a.example"] } }],
    [
      "the metadata are sent elsewhere",
      {
        instead: {
          "/.well-known/oauth-authorization-server": (response) =>
            response.writeHead(302, { location: "https://other.example/" }).end(),
        },
      },
    ],
    ["the metadata have 10 MB", { metadata: { padding: PADDING } }],
    ["the resource's metadata have 10 MB", { resource: { padding: PADDING } }],
    [
      "the metadata are no JSON",
      { instead: { "/.well-known/oauth-authorization-server": (response) => void response.end("<html>") } },
    ],
  ])("is refused where %s", async (_, options) => {
    await using standin = await signInStandin(options);

    const { reason, kind } = await refusal(begin(standin));

    expect([reason, kind]).toEqual(["SIGN_IN_FAILED", "precondition"]);
  });

  it.each([
    ["authorization_endpoint", "/authorize"],
    ["token_endpoint", "/token"],
    ["registration_endpoint", "/register"],
  ])(
    "is refused where the issuer has its %s elsewhere, unless it is the one that was named",
    async (endpoint, path) => {
      await using elsewhere = await signInStandin();
      const url = `${elsewhere.issuer}${path}`;
      await using standin = await signInStandin({ metadata: { [endpoint]: url } });

      const { reason, message } = await refusal(begin(standin));
      const before = [...standin.registrations, ...elsewhere.paths];
      const begun = await begin(standin, { issuer: standin.issuer });

      expect([reason, message]).toEqual(["SIGN_IN_FAILED", expect.stringContaining("oauth.issuer")]);
      expect(before).toEqual([]);
      expect(begun.issuer).toBe(standin.issuer);
    },
  );

  it("tells a server that was taken over neither the client nor a code: its issuer is another", async () => {
    await using real = await signInStandin({ client: { id: "ours", secret: "hush-hush" } });
    await using evil = await signInStandin({ metadata: { authorization_endpoint: `${real.issuer}/authorize` } });
    const client = { clientId: "ours", clientSecret: "hush-hush", issuer: real.issuer };

    const refusals = [
      await refusal(signedIn(evil, client)),
      await refusal(signedIn(evil, { issuer: real.issuer })),
      await refusal(signedIn(evil, { ...client, issuer: `${evil.issuer}/tenant` })),
    ];

    expect(refusals.map(({ reason }) => reason)).toEqual(Array(3).fill("SIGN_IN_FAILED"));
    expect(refusals.map(({ message }) => message)).toEqual(Array(3).fill(expect.stringContaining("another issuer")));
    expect([evil.registrations, evil.tokenRequests, real.paths]).toEqual([[], [], []]);
    expect(evil.paths).not.toContain("/.well-known/oauth-authorization-server");
  });

  it("takes the issuer that was named, wherever in the server's list it stands and with or without a slash at its end", async () => {
    await using real = await signInStandin();
    await using standin = await signInStandin({
      resource: { authorization_servers: ["https://a.example", real.issuer] },
    });

    expect((await begin(standin, { issuer: `${real.issuer}/` })).issuer).toBe(real.issuer);
  });

  it("shows a client to nobody where it is not said who knows it", async () => {
    await using standin = await signInStandin({ client: { id: "ours" } });

    expect(await refusal(begin(standin, { clientId: "ours" }))).toMatchObject({ reason: "SIGN_IN_FAILED" });
    expect(standin.paths).toEqual([]);
  });

  it("gives up on who does not answer", async () => {
    await using standin = await signInStandin({ instead: { "/.well-known/oauth-authorization-server": () => {} } });

    const { reason, kind } = await refusal(begin(standin, {}, { requestTimeoutMs: 50 }));

    expect([reason, kind]).toEqual(["TOOL_SERVER_FAILED", "unavailable"]);
  });

  it.each([
    ["another issuer", "https://other.example"],
    ["no issuer, where one was promised", ""],
  ])("is not ended by an answer of %s: the code goes nowhere", async (_, iss) => {
    await using standin = await signInStandin();
    const { url, pending } = await begin(standin);
    const said = await standin.agree(url);

    const { reason } = await refusal(
      createOAuthSignIn().finish(pending, { code: said.get("code") ?? "", iss }, SIGNAL),
    );

    expect(reason).toBe("SIGN_IN_FAILED");
    expect(standin.tokenRequests).toEqual([]);
  });

  it("says of a refused code nothing but the error's name", async () => {
    await using standin = await signInStandin();
    const { pending } = await begin(standin);

    const finished = createOAuthSignIn().finish(pending, { code: "stolen-code", iss: standin.issuer }, SIGNAL);
    const { reason, message } = await refusal(finished);

    expect([reason, message]).toEqual(["SIGN_IN_FAILED", expect.stringContaining("invalid_grant")]);
    expect(message).not.toContain("stolen-code");
  });

  it.each<[string, SignInStandinOptions]>([
    ["is no bearer token", { tokens: { token_type: "mac" } }],
    ["would break a header", { tokens: { access_token: "a\r\nx: y" } }],
  ])("refuses a token that %s", async (_, options) => {
    await using standin = await signInStandin(options);

    expect(await refusal(signedIn(standin))).toMatchObject({ reason: "SIGN_IN_FAILED" });
  });

  it("sends a code nowhere that the endpoint for tokens points to", async () => {
    await using elsewhere = await signInStandin();
    const location = `${elsewhere.issuer}/token`;
    await using standin = await signInStandin({
      instead: { "/token": (response) => response.writeHead(307, { location }).end() },
    });

    expect(await refusal(signedIn(standin))).toMatchObject({ reason: "SIGN_IN_FAILED" });
    expect(elsewhere.paths).toEqual([]);
  });
});

describe("a redirect", () => {
  it.each(["https://other.example/", "/moved"])("to %s is not followed", async (location) => {
    const asked: string[] = [];
    const instead = (path: string) => (response: ServerResponse) => {
      asked.push(path);
      response.writeHead(302, { location }).end();
    };
    const paths = ["/.well-known/oauth-authorization-server", "/moved"];
    await using standin = await signInStandin({
      instead: Object.fromEntries(paths.map((path) => [path, instead(path)])),
    });

    const { message } = await refusal(begin(standin));

    expect([message, asked]).toEqual([expect.stringContaining("sends requests elsewhere"), paths.slice(0, 1)]);
  });
});

describe("a private network", () => {
  const serverUrl = "https://mcp.example/mcp";
  it.each(["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"])(
    "is not reached at %s by what a server on the public network names",
    async (address) => {
      const asked: string[] = [];
      const resolve = async (host: string) => {
        asked.push(host);
        return host === "mcp.example" ? ["127.0.0.1"] : [address];
      };
      const { discover } = await import("./discover.ts");
      const { createGuardedFetch } = await import("./guarded-fetch.ts");
      const guarded = createGuardedFetch({ serverUrl, signal: SIGNAL, timeoutMs: 1_000, resolve });
      const said = { resource: serverUrl, authorization_servers: ["https://inside.example"] };

      const found = discover({ serverUrl, issuer: "" }, async (url, init) =>
        new URL(url).host === "mcp.example" ? Response.json(said) : await guarded(url, init),
      );

      expect(await refusal(found)).toMatchObject({
        reason: "SIGN_IN_FAILED",
        message: expect.stringContaining("private network"),
      });
      expect(asked).toEqual(["inside.example"]);
    },
  );
});

describe("a renewal", () => {
  it("gives a new token, and the token of the next renewal", async () => {
    await using standin = await signInStandin();
    const first = await signedIn(standin);

    const second = await createOAuthSignIn().refresh(first.renewal, SIGNAL);
    const third = await createOAuthSignIn().refresh(second.renewal, SIGNAL);

    expect(new Set([first, second, third].map(({ accessToken }) => accessToken)).size).toBe(3);
    expect(await refusal(createOAuthSignIn().refresh(first.renewal, SIGNAL))).toMatchObject({
      reason: "SIGN_IN_REQUIRED",
    });
  });

  it("keeps its token where it is given no other", async () => {
    await using standin = await signInStandin({ rotates: false });
    const first = await signedIn(standin);

    const second = await createOAuthSignIn().refresh(first.renewal, SIGNAL);

    expect(standin.accepts((await createOAuthSignIn().refresh(second.renewal, SIGNAL)).accessToken)).toBe(true);
  });

  it("may be tried again where who signs people in is away", async () => {
    const standin = await signInStandin();
    const { renewal } = await signedIn(standin);
    await standin[Symbol.asyncDispose]();

    expect(await refusal(createOAuthSignIn().refresh(renewal, SIGNAL))).toMatchObject({ kind: "unavailable" });
  });
});
