import type { LightClient } from "@stigmer/client/light";
import { ModelCommandController, ModelQueryController } from "@stigmer/contracts/gateway";
import type { Home } from "../backend/home.ts";
import { getSetting, readConfig } from "../config/file.ts";
import type { Deps } from "../deps.ts";
import { nextStep } from "../explain.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

const LIST_MS = 20_000;
const TEST_MS = 60_000;
const SET_MODEL = "stigmer config set model ollama/qwen3 (or openai/gpt-5, …); stigmer init finds what is there";

type ModelOptions = {
  readonly home: Home;
  readonly client: LightClient | undefined;
  /** Ask it for a word, which may cost a little. */
  readonly ask: boolean;
};

/** Whether the configured model can be asked: that one is set, that its provider answers, and where it is asked that it does. */
export async function checkModel(deps: Deps, { home, client, ask }: ModelOptions): Promise<readonly Finding[]> {
  const model = getSetting(await readConfig(home.config), ["model"]);
  if (typeof model !== "string") {
    return [warning("model", "no default model is set; agents must name one", SET_MODEL)];
  }
  const set = ok("model", model);
  const provider = model.split("/")[0] ?? "";
  if (!client) return [set, await checkKey(deps, home, provider)];
  if (ask) return [set, await askModel(deps, client, model)];
  return [set, ...(provider === "scripted" ? [] : [await askProvider(deps, client, provider)])];
}

/** Names of the variables that hold keys where the settings name none. */
const KEYS: Readonly<Record<string, string | undefined>> = {
  openai: "OPENAI_API_KEY",
  anthropic: "ANTHROPIC_API_KEY",
};

/** A daemon that is started from here gets this environment. */
async function checkKey({ env }: Pick<Deps, "env">, home: Home, provider: string): Promise<Finding> {
  const config = await readConfig(home.config);
  const named = getSetting(config, ["providers", provider, "apiKeyEnv"]);
  const variable = typeof named === "string" ? named : KEYS[provider];
  const isSealed = getSetting(config, ["providers", provider, "apiKeySecret"]) !== undefined;
  if (variable === undefined || isSealed) return ok("provider", `${provider}; a running daemon says more`);
  if (env[variable]) return ok("provider", `${provider}, with a key in ${variable}`);
  return broken("provider", `${provider} needs a key, and ${variable} is not set`, `export ${variable}=…`);
}

async function askProvider(deps: Deps, client: LightClient, provider: string): Promise<Finding> {
  const call = { signal: deps.interrupt, timeoutMs: LIST_MS };
  const { providers } = await client.service(ModelQueryController).list({ provider }, call);
  const state = providers.find((one) => one.provider === provider);
  if (!state) return broken("provider", `the daemon knows no provider ${provider}`, "stigmer config list");
  if (state.reachable) return ok("provider", `${provider} answers`);
  const { reason = "", message = "it does not answer" } = state.error ?? {};
  return broken("provider", `${provider}: ${message}`, nextStep(reason, { provider }));
}

async function askModel(deps: Deps, client: LightClient, model: string): Promise<Finding> {
  const call = { signal: deps.interrupt, timeoutMs: TEST_MS };
  const { error, latencyMs } = await client.service(ModelCommandController).test({ model }, call);
  if (!error) return ok("provider", `${model} answered in ${latencyMs} ms`);
  const provider = model.split("/")[0] ?? "";
  return broken("provider", `${model}: ${error.message}`, nextStep(error.reason, { provider }));
}
