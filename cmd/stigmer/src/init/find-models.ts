import type { Deps, Env } from "../deps.ts";

/** A server of models that answers on this machine. */
export type LocalServer = {
  /** Its name for people. */
  readonly name: string;
  readonly url: string;
  /** The provider under which it is configured. */
  readonly provider: string;
  /** Base URL that has to be configured; empty where the provider's own is right. */
  readonly baseUrl: string;
  readonly models: readonly string[];
};

/** A provider elsewhere, whose key stands in the environment. The key itself is never read. */
export type KeyedProvider = { readonly name: string; readonly provider: string; readonly variable: string };

export type Found = { readonly servers: readonly LocalServer[]; readonly keys: readonly KeyedProvider[] };

/** Where nobody listens the answer is there at once; only what hangs takes so long. */
const PROBE_MS = 2000;
const MAX_BYTES = 1024 * 1024;
const MAX_MODELS = 200;
const OLLAMA_PORT = 11_434;

type Place = {
  readonly name: string;
  readonly path: string;
  readonly modelsOf: (answer: unknown) => readonly string[] | undefined;
  readonly provider: string;
  readonly url: string;
  readonly baseUrl: string;
};

/** Servers that speak OpenAI's protocol say who owns a model; on a port that many programs take, that must be the right one. */
const COMPATIBLE: readonly { readonly name: string; readonly port: number; readonly owner?: string }[] = [
  { name: "LM Studio", port: 1234 },
  { name: "llama.cpp", port: 8080, owner: "llamacpp" },
  { name: "vLLM", port: 8000, owner: "vllm" },
];

const KEYS: readonly KeyedProvider[] = [
  { name: "OpenAI", provider: "openai", variable: "OPENAI_API_KEY" },
  { name: "Anthropic", provider: "anthropic", variable: "ANTHROPIC_API_KEY" },
];

/**
 * Looks for servers of models on this machine, on loopback addresses only, and for providers' keys by name. What does not answer
 * as such a server in two seconds is not there.
 */
export async function findModels(deps: Pick<Deps, "fetch" | "env">): Promise<Found> {
  const answers = await Promise.all(placesOf(deps.env).map((place) => look(deps, place)));
  return {
    servers: answers.filter((server) => server !== undefined),
    keys: KEYS.filter(({ variable }) => Boolean(deps.env[variable])),
  };
}

function placesOf(env: Env): readonly Place[] {
  const compatible = COMPATIBLE.map(({ name, port, owner }) => {
    const url = `http://127.0.0.1:${port}`;
    const modelsOf = (answer: unknown) => compatibleModels(answer, owner);
    return { name, url, path: "/v1/models", modelsOf, provider: "openai-compatible", baseUrl: `${url}/v1` };
  });
  const url = ollamaUrl(env);
  const isUsual = url === `http://127.0.0.1:${OLLAMA_PORT}`;
  const ollama = { name: "Ollama", url, path: "/api/tags", modelsOf: ollamaModels, provider: "ollama" };
  return [{ ...ollama, baseUrl: isUsual ? "" : url }, ...compatible];
}

/** `OLLAMA_HOST` is Ollama's own variable; it is followed where it names this machine. */
function ollamaUrl({ OLLAMA_HOST = "" }: Env): string {
  const [, host, port] = /^(?:http:\/\/)?(127\.0\.0\.1|localhost)(?::(\d{1,5}))?\/?$/.exec(OLLAMA_HOST) ?? [];
  return `http://127.0.0.1:${host ? (port ?? OLLAMA_PORT) : OLLAMA_PORT}`;
}

async function look({ fetch }: Pick<Deps, "fetch">, place: Place): Promise<LocalServer | undefined> {
  const { name, url, path, modelsOf, provider, baseUrl } = place;
  try {
    const answer = await fetch(`${url}${path}`, { redirect: "error", signal: AbortSignal.timeout(PROBE_MS) });
    const models = answer.ok ? modelsOf(JSON.parse(await boundedText(answer))) : undefined;
    return models && { name, url, provider, baseUrl, models: models.filter(isModelName).slice(0, MAX_MODELS) };
  } catch {
    return undefined; // nobody is there, or somebody else
  }
}

async function boundedText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new RangeError("too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Ollama also lists models that run at its makers': those are not of this machine. */
function ollamaModels(answer: unknown): readonly string[] | undefined {
  const { models } = fieldsOf(answer);
  if (!Array.isArray(models)) return undefined;
  const known = models.map((model) => ({
    name: String(fieldsOf(model).name ?? ""),
    host: fieldsOf(model).remote_host,
  }));
  return known.filter(({ name, host }) => !host && !isElsewhere(name)).map(({ name }) => name);
}

/** Whether a model of Ollama runs at its makers', as far as its name says. */
export function isElsewhere(name: string): boolean {
  return /[:-]cloud$/.test(name);
}

function compatibleModels(answer: unknown, owner: string | undefined): readonly string[] | undefined {
  const { data } = fieldsOf(answer);
  if (!Array.isArray(data)) return undefined;
  if (owner && !data.some((model) => fieldsOf(model).owned_by === owner)) return undefined;
  return data.map((model) => String(fieldsOf(model).id ?? ""));
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** What comes from a port may be anything; a name goes to a terminal and into a file. */
function isModelName(name: string): boolean {
  return /^[A-Za-z0-9][\w.:/@+-]{0,127}$/.test(name) && !/embed/i.test(name);
}
