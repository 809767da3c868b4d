import { tmpdir } from "node:os";
import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import { MessageSchema, Role } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { asked, hearing } from "./asked.fake.ts";
import { createProviders, type ProvidersConfig } from "./providers.ts";

type Sent = { url: string; authorization: string | null; stream: boolean };

/** What answers to every vendor's way of asking at once. */
const ANSWER = {
  choices: [{ message: { content: "hi" } }],
  content: [{ type: "text", text: "hi" }],
  message: { role: "assistant", content: "hi" },
  output: [],
  stop_reason: "end_turn",
  status: "completed",
  done: true,
};

// What a model's provider sends for one request, and the model's name there.
async function sent(model: string, providers: ProvidersConfig["providers"] = {}, env: Record<string, string> = {}) {
  const calls: Sent[] = [];
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const headers = new Headers(init?.headers);
    const { stream } = JSON.parse(String(init?.body)) as { stream: boolean };
    calls.push({ url: String(url), authorization: headers.get("authorization") ?? headers.get("x-api-key"), stream });
    return Response.json(ANSWER);
  };
  const resolved = createProviders({ providers }, (name) => env[name], { scriptsDir: tmpdir(), fetch }).resolve(model);
  const messages = [create(MessageSchema, { role: Role.USER, parts: [{ part: { case: "text", value: "x" } }] })];
  await resolved.provider.generate(asked({ model: resolved.model, messages }), hearing());
  return { ...calls[0], model: resolved.model };
}

describe("a model's provider", () => {
  it("is openai, with the key from the environment", async () => {
    expect(await sent("openai/gpt-5", {}, { OPENAI_API_KEY: " sk-1\n" })).toEqual({
      url: "https://api.openai.com/v1/responses",
      authorization: "Bearer sk-1",
      model: "gpt-5",
      stream: true,
    });
  });

  it("is anthropic, with the key from the environment", async () => {
    expect(await sent("anthropic/claude-sonnet-4-5", {}, { ANTHROPIC_API_KEY: "sk-2" })).toMatchObject({
      url: "https://api.anthropic.com/v1/messages",
      authorization: "sk-2",
    });
  });

  it.each([
    ["chat", "https://models.example/v1/chat/completions"],
    ["responses", "https://models.example/v1/responses"],
    ["messages", "https://models.example/v1/messages"],
    ["ollama", "https://models.example/api/chat"],
  ] as const)("is spoken to as the configuration says: %s", async (api, url) => {
    const providers = { mine: { baseUrl: "https://models.example/v1", api, stream: false } };

    expect(await sent("mine/m", providers)).toMatchObject({ url, stream: false });
  });

  it("is ollama, without a key, and the model's name may hold slashes and colons", async () => {
    expect(await sent("ollama/hf.co/qwen3:8b")).toEqual({
      url: "http://localhost:11434/api/chat",
      authorization: null,
      model: "hf.co/qwen3:8b",
      stream: true,
    });
  });

  it("is any compatible server, with a key where there is one", async () => {
    const providers = { "openai-compatible": { baseUrl: "https://models.example/v1/" } };

    expect(await sent("openai-compatible/m", providers)).toMatchObject({
      url: "https://models.example/v1/chat/completions",
      authorization: null,
    });
    expect(await sent("openai-compatible/m", providers, { OPENAI_COMPATIBLE_API_KEY: "k" })).toMatchObject({
      authorization: "Bearer k",
    });
  });

  it("is one that only the configuration knows, with the key where that says", async () => {
    const providers = { groq: { baseUrl: "https://groq.example/v1", apiKeyEnv: "GROQ" } };

    expect(await sent("groq/m", providers, { GROQ: "k" })).toMatchObject({
      url: "https://groq.example/v1/chat/completions",
      authorization: "Bearer k",
    });
  });

  it("follows the environment of the moment, not of the start", async () => {
    const env: Record<string, string> = {};
    const providers = createProviders({}, (name) => env[name], { scriptsDir: tmpdir() });

    expect(() => providers.resolve("openai/gpt-5")).toThrow();
    env.OPENAI_API_KEY = "sk-1";
    expect(providers.resolve("openai/gpt-5").model).toBe("gpt-5");
  });

  it("is a script, by a relative or an absolute path", async () => {
    const providers = createProviders({}, () => undefined, { scriptsDir: tmpdir() });

    expect(providers.resolve("scripted/demo/a.yaml").model).toBe("demo/a.yaml");
    expect(providers.resolve("scripted//tmp/a.yaml").model).toBe("/tmp/a.yaml");
  });
});

it("names the providers that are set up", () => {
  const env = (name: string) => (name === "OPENAI_API_KEY" ? "sk-1" : undefined);
  const names = (providers: ProvidersConfig["providers"] = {}) =>
    createProviders({ providers }, env, { scriptsDir: tmpdir() }).names();

  expect(names()).toEqual(["ollama", "openai"]);
  expect(names({ groq: { baseUrl: "https://groq.example/v1" } })).toEqual(["groq", "ollama", "openai"]);
});

describe("refuses, and says what to set:", () => {
  const env = (name: string) => (name === "KEY" ? "k" : undefined);

  it.each<[string, ProvidersConfig["providers"], string]>([
    ["gpt-5", {}, "provider/model"],
    ["/gpt-5", {}, "provider/model"],
    ["openai/", {}, "provider/model"],
    ["openai/gpt-5", {}, "OPENAI_API_KEY"],
    ["openai/gpt-5", { openai: { apiKeyEnv: "OTHER" } }, "OTHER"],
    ["ollama/m", { ollama: { apiKeyEnv: "OTHER" } }, "OTHER"],
    ["openai-compatible/m", {}, "stigmer config set providers.openai-compatible.baseUrl http://"],
    ["anthropic/m", {}, "ANTHROPIC_API_KEY"],
    ["groq/m", {}, "stigmer config set providers.groq.baseUrl http://"],
    ["constructor/m", {}, "stigmer config set providers.constructor.baseUrl http://"],
    ["ollama/m", { ollama: { baseUrl: "localhost:11434" } }, "stigmer config set providers.ollama.baseUrl http"],
    ["ollama/m", { ollama: { baseUrl: "http://10.0.0.1/v1", apiKeyEnv: "KEY" } }, "unencrypted"],
  ])("%s with %j", (model, providers = {}, words) => {
    const resolve = () => createProviders({ providers }, env, { scriptsDir: tmpdir() }).resolve(model);

    expect(resolve).toThrow(
      expect.toSatisfy((error) => isFault(error, "PROVIDER_NOT_CONFIGURED") && error.message.includes(words)),
    );
  });
});
