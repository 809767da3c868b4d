import { type Fault, precondition } from "@stigmer/base";

export type Endpoint = {
  /** The base URL as messages may show it: without its query. */
  readonly address: string;
  /** Where `path` below the base URL is asked for; the base URL's query is kept, and `query` added. */
  url(path: string, query?: string): string;
};

export type EndpointOptions = {
  readonly name: string;
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  /** End of a base URL that is left out, as the dialect's paths have it. */
  readonly without?: RegExp | undefined;
};

/**
 * Where a provider is asked. Refuses what is not http(s), a URL that holds credentials, a key that no header can carry,
 * and a key that would travel unencrypted to another machine.
 */
export function endpoint({ name, baseUrl, apiKey, without }: EndpointOptions): Endpoint {
  const base = URL.parse(baseUrl);
  const setUrl = `run \`stigmer config set providers.${name}.baseUrl https://...\``;
  if (!base || !isHttp(base)) throw refused(name, `its base url is not an http(s) url; ${setUrl}`);
  if (base.username || base.password) throw refused(name, `its base url holds credentials; ${setUrl}`);
  if (apiKey !== undefined) checkKey({ name, apiKey, base });
  const path = base.pathname.replace(/\/+$/, "");
  const address = `${base.origin}${without ? path.replace(without, "") : path}`;
  return {
    address,
    url: (path, query = "") => {
      const queries = [base.search.slice(1), query].filter((part) => part !== "").join("&");
      return `${address}${path}${queries && `?${queries}`}`;
    },
  };
}

function checkKey({ name, apiKey, base }: { name: string; apiKey: string; base: URL }): void {
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw refused(name, "its key has characters that no header can carry");
  if (base.protocol === "https:" || isLoopback(base.hostname)) return;
  throw refused(name, `its key would travel unencrypted to ${base.host}; use https, or unset the key`);
}

function refused(name: string, problem: string): Fault {
  const message = `provider ${JSON.stringify(name)} cannot be used: ${problem}`;
  return precondition("PROVIDER_NOT_CONFIGURED", { provider: name }, { message });
}

function isHttp(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
