import { type Fault, precondition } from "@stigmer/base";
import type { ModelProvider } from "@stigmer/gateway/port";
import { openaiCompatible } from "./openai-compatible.ts";
import { scripted } from "./scripted.ts";

/** What `config.yaml` says of providers, already checked. */
export type ProvidersConfig = { readonly providers?: Readonly<Record<string, ProviderConfig>> };

export type ProviderConfig = {
  readonly baseUrl?: string | undefined;
  /** Environment variable that holds the key. */
  readonly apiKeyEnv?: string | undefined;
};

export type ProvidersOptions = {
  /** Folder that `scripted/<file>` is read from. */
  readonly scriptsDir: string;
  /** 4 minutes unless told: a local model may have to be loaded, and a long prompt to be read. */
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
}

type Preset = {
  readonly baseUrl?: string;
  readonly keyName?: string;
  readonly keyRequired?: boolean;
};

const PRESETS = new Map<string, Preset>([
  ["openai", { baseUrl: "https://api.openai.com/v1", keyName: "OPENAI_API_KEY", keyRequired: true }],
  ["ollama", { baseUrl: "http://localhost:11434/v1" }],
  ["openai-compatible", { keyName: "OPENAI_COMPATIBLE_API_KEY" }],
]);

/** Built-in are openai, ollama, openai-compatible and scripted; any other name is an OpenAI-compatible server once it has a base URL. */
export function createProviders(
  config: ProvidersConfig,
  env: (name: string) => string | undefined,
  options: ProvidersOptions,
): Providers {
  return {
    resolve(model) {
      const { name, rest } = split(model);
      if (name === "scripted") return { provider: scripted({ dir: options.scriptsDir }), model: rest };
      const settings = settingsOf(name, config);
      const apiKey = keyOf(name, settings, env);
      const provider = openaiCompatible({
        name,
        baseUrl: settings.baseUrl,
        ...(apiKey !== undefined && { apiKey }),
        ...(settings.keyName !== undefined && { keyName: settings.keyName }),
        firstByteTimeoutMs: options.firstByteTimeoutMs ?? 240_000,
        idleTimeoutMs: options.idleTimeoutMs ?? 120_000,
        ...(options.fetch && { fetch: options.fetch }),
      });
      return { provider, model: rest };
    },
  };
}

function split(model: string): { name: string; rest: string } {
  const slash = model.indexOf("/");
  const [name, rest] = [model.slice(0, slash), model.slice(slash + 1)];
  if (slash > 0 && rest) return { name, rest };
  const message = `model ${JSON.stringify(model)} does not say its provider; write provider/model, as openai/gpt-5`;
  throw precondition("PROVIDER_NOT_CONFIGURED", { model }, { message });
}

type Settings = { baseUrl: string; keyName: string | undefined; keyRequired: boolean };

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
    keyName: own?.apiKeyEnv ?? preset?.keyName,
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
    throw notConfigured(name, `has no key; set ${keyName} in the environment of the daemon`);
  }
  return key;
}

function notConfigured(provider: string, problem: string): Fault {
  const message = `provider ${JSON.stringify(provider)} ${problem}`;
  return precondition("PROVIDER_NOT_CONFIGURED", { provider }, { message });
}
