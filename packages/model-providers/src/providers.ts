import { type Fault, precondition } from "@stigmer/base";
import type { ModelProvider } from "@stigmer/gateway/port";
import { callProvider } from "./call-provider.ts";
import { chatDialect } from "./chat/dialect.ts";
import type { Dialect } from "./dialect.ts";
import { messagesDialect } from "./messages/dialect.ts";
import { ollamaDialect } from "./ollama/dialect.ts";
import { responsesDialect } from "./responses/dialect.ts";
import { scripted } from "./scripted.ts";

/** What `config.yaml` says of providers, already checked. */
export type ProvidersConfig = { readonly providers?: Readonly<Record<string, ProviderConfig>> };

/** An API that a provider speaks: OpenAI's chat completions or responses, Anthropic's messages, Ollama's chat. */
export type Api = "chat" | "responses" | "messages" | "ollama";

export type ProviderConfig = {
  readonly baseUrl?: string | undefined;
  /** Environment variable that holds the key. */
  readonly apiKeyEnv?: string | undefined;
  /** Secret that holds the key, as `<environment>/<NAME>`; it counts before the environment variable. */
  readonly apiKeySecret?: string | undefined;
  readonly api?: Api | undefined;
  /** Whether answers are asked for as a stream; they are unless told. */
  readonly stream?: boolean | undefined;
  /** Most tokens of context that its models are to have. */
  readonly contextWindow?: number | undefined;
};

export type ProvidersOptions = {
  /** Folder that `scripted/<file>` is read from. */
  readonly scriptsDir: string;
  /** Value of a secret, as `<environment>/<NAME>`; without it no configuration may name one. */
  readonly secret?: ((reference: string) => Promise<string>) | undefined;
  /** 4 minutes unless told: a local model may have to be loaded, and a long prompt to be read; 5 where all comes at once. */
  readonly firstByteTimeoutMs?: number;
  /** 2 minutes unless told. */
  readonly idleTimeoutMs?: number;
  readonly fetch?: typeof fetch;
};

/** Who serves a model, and what that provider calls it. */
export type ResolvedModel = { readonly provider: ModelProvider; readonly model: string };

export interface Providers {
  /**
   * The provider of `provider/model`, as configured at this moment. Opens no connection. Throws
   * `PROVIDER_NOT_CONFIGURED`, saying what to set, where the provider is unknown, or its URL or key is missing or wrong.
   */
  resolve(model: string): ResolvedModel;
  /** A provider by its name, to ask what models it has. Throws as `resolve` does. */
  provider(name: string): ModelProvider;
  /** Names of the providers that are set up: those of the configuration, and those built in that have their key or need none. */
  names(): readonly string[];
}

type Preset = {
  readonly baseUrl?: string;
  readonly keyName?: string;
  readonly keyRequired?: boolean;
  readonly api?: Api;
};

const PRESETS = new Map<string, Preset>([
  ["openai", { baseUrl: "https://api.openai.com/v1", keyName: "OPENAI_API_KEY", keyRequired: true, api: "responses" }],
  [
    "anthropic",
    { baseUrl: "https://api.anthropic.com", keyName: "ANTHROPIC_API_KEY", keyRequired: true, api: "messages" },
  ],
  ["ollama", { baseUrl: "http://localhost:11434", api: "ollama" }],
  ["openai-compatible", { keyName: "OPENAI_COMPATIBLE_API_KEY" }],
]);

const FIRST_BYTE_MS = 240_000;
/** What comes at once comes late; Node's own client waits no longer. */
const AT_ONCE_MS = 300_000;

/** Built-in are openai, anthropic, ollama, openai-compatible and scripted; any other name is an OpenAI-compatible server once it has a base URL. */
export function createProviders(
  config: ProvidersConfig,
  env: (name: string) => string | undefined,
  options: ProvidersOptions,
): Providers {
  const providers: Providers = {
    resolve(model) {
      const { name, rest } = split(model);
      return { provider: providers.provider(name), model: rest };
    },
    provider(name) {
      if (name === "scripted") return scripted({ dir: options.scriptsDir });
      const settings = settingsOf(name, config);
      const { keySecret } = settings;
      if (keySecret === undefined) return build(name, settings, keyOf(name, settings, env));
      return withSecretKey(options, keySecret, (apiKey) => build(name, settings, apiKey));
    },
    names() {
      const ready = [...PRESETS].filter(([, { baseUrl, keyName }]) => baseUrl && (!keyName || env(keyName)?.trim()));
      return [...new Set([...ready.map(([name]) => name), ...Object.keys(config.providers ?? {})])].toSorted();
    },
  };
  const build = (name: string, settings: Settings, apiKey: string | undefined): ModelProvider => {
    const { baseUrl, stream, contextWindow } = settings;
    const keyName = settings.keySecret ?? settings.keyName;
    return callProvider(dialectOf(name, settings.api), {
      name,
      baseUrl,
      ...(apiKey !== undefined && { apiKey }),
      ...(keyName !== undefined && { keyName }),
      ...(stream !== undefined && { stream }),
      ...(contextWindow !== undefined && { contextWindow }),
      firstByteTimeoutMs: options.firstByteTimeoutMs ?? (stream === false ? AT_ONCE_MS : FIRST_BYTE_MS),
      idleTimeoutMs: options.idleTimeoutMs ?? 120_000,
      ...(options.fetch && { fetch: options.fetch }),
    });
  };
  return providers;
}

/** A provider whose key is read anew for each call: a secret may have changed, and reading it takes time. */
function withSecretKey(
  { secret }: ProvidersOptions,
  reference: string,
  build: (apiKey: string) => ModelProvider,
): ModelProvider {
  const open = async (): Promise<ModelProvider> => {
    if (!secret) throw new Error("nothing reads the secrets that the configuration names");
    return build((await secret(reference)).trim());
  };
  return {
    generate: async (request, options) => await (await open()).generate(request, options),
    list: async (options) => await (await open()).list(options),
  };
}

function dialectOf(name: string, api: Api): Dialect {
  const official = name === "openai";
  switch (api) {
    case "chat":
      return chatDialect({ official });
    case "responses":
      return responsesDialect({ official });
    case "messages":
      return messagesDialect;
    case "ollama":
      return ollamaDialect;
  }
}

function split(model: string): { name: string; rest: string } {
  const slash = model.indexOf("/");
  const [name, rest] = [model.slice(0, slash), model.slice(slash + 1)];
  if (slash > 0 && rest) return { name, rest };
  const message = `model ${JSON.stringify(model)} does not say its provider; write provider/model, as openai/gpt-5`;
  throw precondition("PROVIDER_NOT_CONFIGURED", { model }, { message });
}

type Settings = Omit<ProviderConfig, "apiKeyEnv" | "apiKeySecret" | "baseUrl" | "api"> & {
  readonly baseUrl: string;
  readonly api: Api;
  readonly keyName: string | undefined;
  readonly keySecret: string | undefined;
  readonly keyRequired: boolean;
};

function settingsOf(name: string, { providers = {} }: ProvidersConfig): Settings {
  const preset = PRESETS.get(name);
  const own = Object.hasOwn(providers, name) ? providers[name] : undefined;
  const baseUrl = own?.baseUrl ?? preset?.baseUrl;
  if (!baseUrl) {
    const known = preset ? "has no base url" : "is not built in";
    const advice = `run \`stigmer config set providers.${name}.baseUrl http://...\` with the base url of an OpenAI-compatible server`;
    throw notConfigured(name, `${known}; ${advice}`);
  }
  return {
    baseUrl,
    api: own?.api ?? preset?.api ?? "chat",
    stream: own?.stream,
    contextWindow: own?.contextWindow,
    keyName: own?.apiKeyEnv ?? preset?.keyName,
    keySecret: own?.apiKeySecret,
    // Who names a variable expects its key to be sent.
    keyRequired: own?.apiKeyEnv !== undefined || preset?.keyRequired === true,
  };
}

function keyOf(
  name: string,
  { keyName, keyRequired }: Settings,
  env: (name: string) => string | undefined,
): string | undefined {
  const key = keyName === undefined ? undefined : env(keyName)?.trim() || undefined;
  if (key === undefined && keyRequired) {
    throw notConfigured(
      name,
      `has no key; set ${keyName} in the environment of the daemon, or keep it as a secret: \`stigmer env set-secret default ${keyName}\` and \`stigmer config set providers.${name}.apiKeySecret default/${keyName}\``,
    );
  }
  return key;
}

function notConfigured(provider: string, problem: string): Fault {
  const message = `provider ${JSON.stringify(provider)} ${problem}`;
  return precondition("PROVIDER_NOT_CONFIGURED", { provider }, { message });
}
