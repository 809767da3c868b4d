import { expect, it } from "vitest";
import { callProvider } from "../call-provider.ts";
import { ollamaDialect } from "./dialect.ts";

async function contextOf(length: unknown, contextWindow?: number): Promise<readonly number[]> {
  const fetch: typeof globalThis.fetch = async (url) =>
    String(url).endsWith("/api/tags")
      ? Response.json({ models: [{ name: "qwen3:8b" }] })
      : Response.json({ model_info: { "general.architecture": "qwen3", "qwen3.context_length": length } });
  const timeouts = { firstByteTimeoutMs: 10_000, idleTimeoutMs: 10_000 };
  const provider = callProvider(ollamaDialect, {
    ...{ name: "ollama", baseUrl: "http://localhost:11434/v1", fetch, ...timeouts },
    ...(contextWindow !== undefined && { contextWindow }),
  });
  const models = await provider.list({ signal: new AbortController().signal });
  return models.map((model) => model.contextWindow);
}

it("says as much context as a model has, and as requests ask for", async () => {
  expect(await contextOf(40_960)).toEqual([40_960]);
  expect(await contextOf(262_144)).toEqual([131_072]);
  expect(await contextOf(262_144, 200_000)).toEqual([200_000]);
  expect(await contextOf("many")).toEqual([0]);
});
