import { randomUUID } from "node:crypto";
import { createSignIn } from "@stigmer/mcp-auth";
import { Failure } from "@stigmer/sdk";
import type { Session } from "./session.ts";

/** What the runner says of a scenario in which somebody signs in. */
export type Registration = { readonly client_id?: string; readonly client_secret?: string };

const MOST_TRIES = 3;
const REASONS: ReadonlySet<string> = new Set(["SIGN_IN_REQUIRED", "SIGN_IN_SCOPE_MISSING"]);
const REDIRECT = "http://127.0.0.1:7777/callback";
const TIMEOUT_MS = 20_000;

/** Somebody who signs in, and agrees to whatever is shown. */
export type Person = {
  /** Answers with an access token. */
  signIn(serverUrl: string, failure: Failure): Promise<string>;
};

/** Does something with a server, and signs in where it wants that, as often as a person would put up with. */
export async function signingIn<T>(session: Session, person: Person, act: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Failure) || !REASONS.has(error.reason) || tries === MOST_TRIES) throw error;
      session.signedIn(await person.signIn(session.url, error));
    }
  }
}

export function createPerson({ client_id: clientId = "", client_secret: clientSecret = "" }: Registration): Person {
  const signIn = createSignIn();
  let asked: readonly string[] = [];
  return {
    async signIn(serverUrl, { missingScopes: wanted }) {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const scopes = wanted.length > 0 ? [...new Set([...asked, ...wanted])] : [];
      const issuer = clientId ? await issuerOf(serverUrl) : "";
      const client = { clientId, clientSecret, issuer };
      const request = { serverUrl, redirectUri: REDIRECT, state: randomUUID(), ...client, scopes };
      const begun = await signIn.begin(request, signal);
      asked = begun.scopes;
      const grant = await signIn.finish(begun.pending, await agreed(begun.url), signal);
      return grant.accessToken;
    },
  };
}

/** Whoever registers a client knows where; the runner does not say it, so the server is asked. */
async function issuerOf(serverUrl: string): Promise<string> {
  const { origin, pathname } = new URL(serverUrl);
  const response = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`);
  const { authorization_servers: [issuer = ""] = [] } = (await response.json()) as {
    readonly authorization_servers?: readonly string[];
  };
  return issuer;
}

async function agreed(url: string): Promise<{ readonly code: string; readonly iss: string }> {
  const response = await fetch(url, { redirect: "manual" });
  const { searchParams } = new URL(response.headers.get("location") ?? "", REDIRECT);
  return { code: searchParams.get("code") ?? "", iss: searchParams.get("iss") ?? "" };
}
