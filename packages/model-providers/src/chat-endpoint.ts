import { type Fault, precondition } from "@stigmer/base";

export type ChatEndpoint = {
  /** Where chat completions are asked for. */
  readonly url: string;
  /** The base URL as messages may show it: without its query. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
};

export type EndpointOptions = { readonly name: string; readonly baseUrl: string; readonly apiKey: string | undefined };

/**
 * Where and with which headers a provider is asked. Refuses what is not http(s), a URL that holds credentials, a key
 * that no header can carry, and a key that would travel unencrypted to another machine.
 */
export function chatEndpoint({ name, baseUrl, apiKey }: EndpointOptions): ChatEndpoint {
  const base = URL.parse(baseUrl);
  const setUrl = `run \`stigmer config set providers.${name}.baseUrl https://...\``;
  if (!base || !isHttp(base)) throw refused(name, `its base url is not an http(s) url; ${setUrl}`);
  if (base.username || base.password) throw refused(name, `its base url holds credentials; ${setUrl}`);
  const address = `${base.origin}${base.pathname.replace(/\/+$/, "")}`;
  if (apiKey !== undefined) checkKey({ name, apiKey, base });
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return {
    url: `${address}/chat/completions${base.search}`,
    address,
    headers: { accept: "text/event-stream, application/json", "content-type": "application/json", ...authorization },
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
