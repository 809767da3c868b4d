import { silentLog, unavailable } from "@stigmer/base";
import { expect, it } from "vitest";
import { createModels } from "./models.ts";
import type { ModelInfo } from "./port.ts";
import { createPriceList } from "./price-list.ts";
import { answerOf } from "./provider.fake.ts";

it("takes the configuration's word for what a model takes, then the table's, then the provider's", async () => {
  const { models } = scene({
    windows: { openai: 1_000 },
    list: async () => [{ model: "qwen3", contextWindow: 40_960 }],
  });

  expect(models.contextWindow("openai/gpt-5")).toBe(1_000);
  expect(models.contextWindow("anthropic/claude-haiku-4-5")).toBe(200_000);
  expect(models.contextWindow("ollama/qwen3")).toBe(0);
  expect(await models.learnContextWindow("ollama/qwen3")).toBe(40_960);
  expect(models.contextWindow("ollama/qwen3")).toBe(40_960);
});

it("asks a provider on this machine once, for however many models at the same time", async () => {
  const { models, asked } = scene({ list: async () => [{ model: "a", contextWindow: 1 }] });

  await Promise.all([models.learnContextWindow("ollama/a"), models.learnContextWindow("ollama/b")]);

  expect(asked()).toBe(1);
});

it("asks nobody else, and does not need to ask for what it knows", async () => {
  const { models, asked } = scene({ windows: { ollama: 2_048 } });

  const windows = [await models.learnContextWindow("mine/x"), await models.learnContextWindow("ollama/a")];

  expect([windows, asked()]).toEqual([[0, 2_048], 0]);
});

it("leaves a provider alone for a while that does not answer", async () => {
  const { models, asked } = scene({ list: () => Promise.reject(unavailable("PROVIDER_UNAVAILABLE")) });

  const windows = [await models.learnContextWindow("ollama/a"), await models.learnContextWindow("ollama/a")];

  expect([windows, asked()]).toEqual([[0, 0], 1]);
});

it("does not wait long for a provider that says nothing", async () => {
  const { models } = scene({ list: () => new Promise(() => {}) });

  expect(await models.learnContextWindow("ollama/a")).toBe(0);
});

type Scene = {
  readonly windows?: Readonly<Record<string, number>>;
  readonly list?: () => Promise<readonly ModelInfo[]>;
};

function scene({ windows = {}, list = async () => [] }: Scene) {
  let asked = 0;
  const provider = {
    generate: async () => answerOf(""),
    list() {
      asked += 1;
      return list();
    },
  };
  const models = createModels({
    prices: createPriceList(() => ({})),
    resolve: (model) => ({ provider, model }),
    configuredWindow: (name) => windows[name],
    log: silentLog,
  });
  return { models, asked: () => asked };
}
