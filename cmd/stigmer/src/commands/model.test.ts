import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ListModelsResponseSchema,
  ModelCommandController,
  ModelQueryController,
  type TestModelResponseSchema,
} from "@stigmer/contracts/gateway";
import { expect, it } from "vitest";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";

const PRICE = { inputMicros: 1_250_000n, cachedInputMicros: 125_000n, outputMicros: 10_000_000n, date: "2026-11-05" };
const LISTED = {
  models: [
    { model: "ollama/qwen3", contextWindow: 40_960n, price: { source: "runs on a machine of yours" } },
    { model: "openai/gpt-5", contextWindow: 400_000n, price: PRICE },
    { model: "openai/gpt-99" },
  ],
  providers: [
    { provider: "ollama", reachable: true },
    { provider: "openai", reachable: true },
  ],
};
const AWAY = {
  provider: "lmstudio",
  reachable: false,
  error: { reason: "PROVIDER_UNAVAILABLE", message: "nobody \u001b[2J" },
};

it("lists models with what they take and cost", async () => {
  const { world, run } = await scene({ listed: LISTED, isTTY: true });

  const code = await run("list");

  expect([code, world.stdout().split("\n").slice(0, 4)]).toEqual([
    0,
    [
      "MODEL           CONTEXT   INPUT $/M   CACHED $/M   OUTPUT $/M   PRICE OF",
      expect.stringMatching(/^ollama\/qwen3 {4}40960 {5}\$0\.00 .*\$0\.00/),
      "openai/gpt-5    400000    $1.25       $0.125       $10.00       2026-11-05",
      "openai/gpt-99   -         -           -            -            -",
    ],
  ]);
});

it("asks for the models of one provider, and writes names and JSON for programs", async () => {
  const { world, run, requests } = await scene({ listed: LISTED });

  const codes = [await run("list", "openai", "-o", "name"), await run("list", "-o", "json")];

  expect(codes).toEqual([0, 0]);
  expect(requests).toMatchObject([{ provider: "openai" }, { provider: "" }]);
  const [names, json] = [world.stdout().slice(0, 40), world.stdout().slice(40)];
  expect(names).toBe("ollama/qwen3\nopenai/gpt-5\nopenai/gpt-99\n");
  expect(JSON.parse(json)).toMatchObject({ models: [{ model: "ollama/qwen3" }, { contextWindow: "400000" }, {}] });
});

it("says which provider does not answer, and shows the models of the others", async () => {
  const { world, run } = await scene({ listed: { ...LISTED, providers: [...LISTED.providers, AWAY] } });

  const code = await run("list");

  expect([code, world.stdout().split("\n").length]).toEqual([0, 4]);
  expect(world.stderr()).toMatch(/^note: lmstudio does not answer: nobody/);
  expect(world.stderr()).not.toContain("\u001b");
});

it("fails where no provider answers, and says what to do", async () => {
  const { world, run } = await scene({ listed: { providers: [AWAY] } });

  expect(await run("list")).toBe(1);
  expect(world.stderr()).toContain("stigmer doctor");
});

it("tries a model out, and says what it said, how long it took and what it cost", async () => {
  const { world, run, requests } = await scene({
    isTTY: true,
    tested: {
      ...{ model: "openai/gpt-5", servedModel: "gpt-5-2025-08-07", text: "ready\n", latencyMs: 812n },
      ...{ timeToFirstTokenMs: 300n, usage: { inputTokens: 12n, outputTokens: 1n, costMicros: 25n } },
    },
  });

  const code = await run("test", "openai/gpt-5");

  expect(requests).toMatchObject([{ model: "openai/gpt-5" }]);
  expect([code, world.stdout()]).toEqual([
    0,
    [
      "openai/gpt-5",
      "  answered  ready",
      "  as        gpt-5-2025-08-07",
      "  took      812 ms, the first piece came after 300 ms",
      "  used      12 tokens in, 1 out",
      "  cost      $0.000025",
      "",
    ].join("\n"),
  ]);
});

it("fails where the model does not answer, with what to do, in JSON too", async () => {
  const error = { reason: "PROVIDER_REFUSED", message: "the key was not accepted" };
  const { world, run } = await scene({ tested: { model: "openai/gpt-5", error } });

  expect(await run("test", "-o", "json")).toBe(1);
  expect(JSON.parse(world.stdout())).toMatchObject({ error: { reason: "PROVIDER_REFUSED" } });
  expect(world.stderr()).toMatch(/openai\/gpt-5 does not answer: the key was not accepted\n.*provider's key/);
});

it("refuses a model that does not say its provider, before asking", async () => {
  const { world, run, requests } = await scene({});

  expect(await run("test", "gpt-5")).toBe(2);
  expect(world.stderr()).toContain("provider/model");
  expect(requests).toEqual([]);
});

type Scene = {
  readonly listed?: MessageInitShape<typeof ListModelsResponseSchema>;
  readonly tested?: MessageInitShape<typeof TestModelResponseSchema>;
  readonly isTTY?: boolean;
};

async function scene({ listed = {}, tested = {}, isTTY = false }: Scene): Promise<{
  world: World;
  requests: unknown[];
  run: (...args: string[]) => Promise<number>;
}> {
  const requests: unknown[] = [];
  const note =
    <T>(answer: T) =>
    (request: unknown): T => {
      requests.push(request);
      return answer;
    };
  const world = await createWorld({
    isTTY,
    backends: {
      [URL_OF_BACKEND]: (router) => {
        router.service(ModelQueryController, { list: note(listed) });
        router.service(ModelCommandController, { test: note(tested) });
      },
    },
  });
  return { world, requests, run: (...args) => world.run("model", ...args, "--url", URL_OF_BACKEND) };
}
