import {
  AgentSpecSchema,
  create,
  type Message,
  type ModelRequest,
  Role,
  textMessage,
  textOf,
  toolCallsOf,
  type Usage,
} from "@stigmer/sdk";
import { describe, expect, it } from "vitest";
import { agentLoop } from "./agent-loop.ts";
import { type ModelSays, type World, type WorldOptions, wants, worldOf } from "./agent-world.fake.ts";

const used = (tokens: number): ModelSays => ({
  usage: { inputTokens: BigInt(tokens - 10), outputTokens: 10n } as Usage,
  contextWindow: 10_000,
});
const long = (text: string, length = 4_000): string => text.padEnd(length, ".");
const isSummary = (stepKey: string): boolean => stepKey.includes("/compact");
const keysOf = ({ journal }: World): string[] => journal.map(({ key }) => key).filter((key) => !key.includes("/tool/"));

/** An agent that reads three long files, one a turn, and then answers; `fill` says what each turn's call used. */
function reads(fill: (turn: number) => number, more: Partial<WorldOptions> = {}): World {
  const model = (stepKey: string): ModelSays => {
    if (isSummary(stepKey)) return { ...used(50), message: textMessage(Role.ASSISTANT, " What was found. ") };
    const turn = Number(stepKey.split("/")[1]);
    const answer = turn <= 3 ? wants(`c${turn}`) : textMessage(Role.ASSISTANT, "done");
    return { ...used(fill(turn)), message: answer };
  };
  return worldOf({ model, tool: (_, { id }) => ({ content: long(`content of ${id} `) }), ...more });
}

const requestOf = ({ requests }: World, key: string): readonly Message[] =>
  requests.find(({ stepKey }) => stepKey === key)?.messages ?? [];

describe("near the model's limit", () => {
  it("the older part of the conversation is replaced by a summary, before the next call", async () => {
    const world = reads((turn) => (turn < 3 ? 1_000 : 8_500));

    expect(await agentLoop(world.context)).toBe("done");

    expect(keysOf(world)).toEqual(["turn/1/model", "turn/2/model", "turn/3/model", "turn/4/compact", "turn/4/model"]);
    const [head, task, ...newest] = requestOf(world, "turn/4/model");
    expect(head && textOf(head)).toBe("");
    expect(task && textOf(task)).toMatch(/^now\[The older part.*\]\nWhat was found\.$/s);
    expect(newest.map(({ role }) => role)).toEqual([Role.ASSISTANT, Role.TOOL]);
    expect(newest.flatMap(toolCallsOf).map(({ id }) => id)).toEqual(["c3"]);
  });

  it("the summary is asked for without tools, and says what it replaces", async () => {
    const world = reads((turn) => (turn < 3 ? 1_000 : 8_500));

    await agentLoop(world.context);

    const request = world.requests.find(({ stepKey }) => isSummary(stepKey));
    const text = request?.messages.map(textOf).join("\n") ?? "";
    expect(request).toMatchObject({
      tools: [],
      compaction: { replacedMessages: 4, keptMessages: 4, tokensBefore: 8_500n },
    });
    expect(request?.messages.map(({ role }) => role)).toEqual([Role.SYSTEM, Role.USER]);
    expect(text).toContain("content of c1");
    expect(text).not.toContain("content of c3");
  });

  it.each([
    ["what came since counts as well", 7_500, 0, true],
    ["nothing is replaced below it", 6_500, 0, false],
    ["the agent says how near", 2_500, 30, true],
    ["and how far", 8_300, 95, false],
  ])("%s", async (_, tokens, thresholdPercent, isCompacted) => {
    const agent = create(AgentSpecSchema, { compaction: { thresholdPercent } });
    const world = reads((turn) => (turn === 2 ? tokens : 100), { context: { agent } });

    await agentLoop(world.context);

    expect(keysOf(world).includes("turn/3/compact")).toBe(isCompacted);
  });

  it("nothing is replaced that is not worth a summary", async () => {
    const world = reads(() => 9_900, { tool: () => ({ content: "short" }) });

    await agentLoop(world.context);

    expect(keysOf(world).some(isSummary)).toBe(false);
  });

  it("the call is made as it is where the summary is too much for the model", async () => {
    const plain = reads((turn) => (turn < 3 ? 1_000 : 8_500));
    await agentLoop(plain.context);
    const world = worldOf({
      model: (key) => (isSummary(key) ? { fails: "CONTEXT_OVERFLOW" } : modelSays(plain, key)),
      tool: (_, { id }) => ({ content: long(`content of ${id} `) }),
    });

    expect(await agentLoop(world.context)).toBe("done");
    expect(requestOf(world, "turn/4/model")).toHaveLength(8);
  });

  it("nothing is replaced where the agent does not want it", async () => {
    const agent = create(AgentSpecSchema, { compaction: { disabled: true } });
    const world = reads(() => 9_900, { context: { agent } });

    await agentLoop(world.context);

    expect(keysOf(world).some(isSummary)).toBe(false);
  });

  it("a long history is replaced before the first call", async () => {
    const history = [1, 2, 3].flatMap((at) => [
      textMessage(Role.USER, long(`question ${at} `, 900)),
      textMessage(Role.ASSISTANT, long(`answer ${at} `, at < 3 ? 900 : 100)),
    ]);
    const context = { history, historyTokens: 900, contextWindow: 1_000 };
    const world = worldOf({
      context,
      model: (key) => (isSummary(key) ? { message: textMessage(Role.ASSISTANT, "S") } : {}),
    });

    await agentLoop(world.context);

    const shown = requestOf(world, "turn/1/model").map(textOf);
    expect(keysOf(world)).toEqual(["turn/1/compact", "turn/1/model"]);
    expect(shown.slice(1).map((text) => text.slice(0, 12))).toEqual(["[The older p", "answer 3 ...", "now"]);
    expect(shown[1]).toContain("question 3");
  });
});

describe("where a call does not fit", () => {
  const overflows = (stepKey: string, { messages }: ModelRequest, most: number): ModelSays | undefined =>
    isSummary(stepKey) || messages.map((one) => JSON.stringify(one)).join("").length < most
      ? undefined
      : { fails: "CONTEXT_OVERFLOW" };

  it("it is made again under another key with a summary of the older part, whether the window is known or not", async () => {
    const world = worldOf({
      model: (key, request) =>
        overflows(key, request, 12_000) ?? {
          message: /turn\/[1-3]\/model/.test(key) ? wants(`c${key[5]}`) : textMessage(Role.ASSISTANT, "short"),
        },
      tool: () => ({ content: long("content ") }),
    });

    expect(await agentLoop(world.context)).toBe("short");

    expect(keysOf(world).slice(3)).toEqual(["turn/4/model", "turn/4/compact", "turn/4/model#2"]);
  });

  it("results too long for the model lose their middle where there is nothing older", async () => {
    const world = worldOf({
      model: (key, request) =>
        overflows(key, request, 12_000) ?? {
          message: key === "turn/1/model" ? wants("c1") : textMessage(Role.ASSISTANT, "ok"),
        },
      tool: () => ({ content: `${long("front ", 20_000)}back` }),
    });

    expect(await agentLoop(world.context)).toBe("ok");

    const shown = JSON.stringify(requestOf(world, "turn/2/model#2").at(-1));
    expect(keysOf(world)).toEqual(["turn/1/model", "turn/2/model", "turn/2/model#2"]);
    expect(shown).toMatch(/front .*left out.*back/);
  });

  it.each([
    ["even the shorter one is too long", {}, ["turn/2/model", "turn/2/model#2"]],
    ["the agent wants nothing replaced", { compaction: { disabled: true } }, ["turn/2/model"]],
  ])("the execution fails with CONTEXT_OVERFLOW where %s", async (_, spec, keys) => {
    const world = worldOf({
      context: { agent: create(AgentSpecSchema, spec) },
      model: (key) => (key === "turn/1/model" ? { message: wants("c1") } : { fails: "CONTEXT_OVERFLOW" }),
      tool: () => ({ content: long("x", 9_000) }),
    });

    await expect(agentLoop(world.context)).rejects.toMatchObject({ reason: "CONTEXT_OVERFLOW" });
    expect(keysOf(world).slice(1)).toEqual(keys);
  });

  it("the execution fails where nothing can be left out", async () => {
    const world = worldOf({ model: () => ({ fails: "CONTEXT_OVERFLOW" }) });

    await expect(agentLoop(world.context)).rejects.toMatchObject({ reason: "CONTEXT_OVERFLOW" });
    expect(keysOf(world)).toEqual(["turn/1/model"]);
  });
});

it("keeps the conversation's own words where the model sums up nothing", async () => {
  const world = reads((turn) => (turn < 3 ? 1_000 : 8_500));
  const silent = worldOf({
    ...{ known: world.journal.slice(0, 0), tool: (_, { id }) => ({ content: long(`content of ${id} `) }) },
    model: (key) => (isSummary(key) ? { message: textMessage(Role.ASSISTANT, "") } : modelSays(world, key)),
  });
  await agentLoop(world.context);

  await agentLoop(silent.context);

  expect(textOf(requestOf(silent, "turn/4/model")[1] ?? textMessage(Role.USER, ""))).toContain("content of c1");
});

function modelSays({ journal }: World, key: string): ModelSays {
  return (journal.find((one) => one.key === key)?.outcome ?? {}) as ModelSays;
}
