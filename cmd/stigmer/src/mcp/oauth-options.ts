import { requireName } from "../environment/read-secret.ts";
import { misused } from "../failure.ts";

/** How people sign in to a server that is added, as the user writes it. */
export type OAuthOptions = {
  readonly oauthClientId?: string;
  readonly oauthIssuer?: string;
  readonly oauthScope?: readonly string[];
  /** Name of the variable that holds the client's secret. */
  readonly oauthSecretVariable?: string;
  /** The environment that the secret is put into. */
  readonly oauthSecretEnv?: string;
  readonly oauthSecretFile?: string;
};

export type OAuthSpec = {
  readonly clientId: string;
  readonly issuer: string;
  readonly clientSecretVariable: string;
  readonly scopes: string[];
};

/** Where a secret that is asked for is put; the secret itself is never an option. */
export type SecretPlace = {
  readonly environment: string;
  readonly variable: string;
  readonly file: string | undefined;
};

export type OAuthAsked = { readonly spec: OAuthSpec; readonly secret: SecretPlace | undefined };

/** What the options say; undefined where they say nothing. Refuses what does not fit together, before anything is asked or made. */
export function readOAuth(server: string, options: OAuthOptions): OAuthAsked | undefined {
  const { oauthClientId: clientId, oauthIssuer: issuer, oauthScope, oauthSecretEnv: environment } = options;
  const { oauthSecretVariable, oauthSecretFile: file } = options;
  const all = [clientId, issuer, oauthScope, environment, oauthSecretVariable, file];
  if (all.every((one) => one === undefined)) return undefined;
  if (clientId !== undefined && issuer === undefined)
    throw misused("nobody says who knows the client", "name who signs people in: --oauth-issuer https://…");
  const hasSecret = environment !== undefined || oauthSecretVariable !== undefined || file !== undefined;
  if (hasSecret && clientId === undefined)
    throw misused("a secret belongs to a client", "name the client that was registered: --oauth-client-id ID");
  if (file !== undefined && environment === undefined)
    throw misused(
      "nobody says where the client's secret is to be kept",
      "name an environment: --oauth-secret-env NAME",
    );
  const variable = hasSecret ? variableOf(server, oauthSecretVariable) : "";
  return {
    spec: {
      clientId: clientId ?? "",
      issuer: issuer ?? "",
      clientSecretVariable: variable,
      scopes: scopesOf(oauthScope),
    },
    secret: environment === undefined ? undefined : { environment, variable, file },
  };
}

/** What OAuth calls a scope. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

/** Each scope once, in order. Several may stand in one word, as OAuth writes them. Refuses what is none. */
export function scopesOf(words: readonly string[] | undefined): string[] {
  const scopes = [...new Set((words ?? []).flatMap((word) => word.split(" ")).filter(Boolean))];
  const wrong = scopes.find((scope) => !SCOPE.test(scope));
  if (wrong === undefined) return scopes;
  const advice = "a scope has up to 256 letters, digits and signs of ASCII, but no quotation mark and no backslash";
  throw misused(`${JSON.stringify(wrong)} is no scope`, advice);
}

function variableOf(server: string, asked: string | undefined): string {
  if (asked !== undefined)
    return requireName(asked, "leave the value out: it is asked for with --oauth-secret-env NAME");
  const base = server.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
  return `${/^[0-9]/.test(base) ? "_" : ""}${base}_CLIENT_SECRET`;
}
