import { type AgentSpec, AgentSpecSchema, create, Role, textMessage, textOf } from "@stigmer/sdk";
import { describe, expect, it } from "vitest";
import { agentLoop } from "./agent-loop.ts";
import { type ModelSays, wants, worldOf } from "./agent-world.fake.ts";

const schema = '{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}';
const says = (text: string): ModelSays => ({ message: textMessage(Role.ASSISTANT, text) });

function agentOf(output: Partial<NonNullable<AgentSpec["output"]>> = {}, maxTurns = 0): AgentSpec {
  return create(AgentSpecSchema, { output: { schema, ...output }, maxTurns });
}

function worldThatSays(agent: AgentSpec, ...answers: readonly ModelSays[]) {
  let count = 0;
  return worldOf({ context: { agent }, model: () => answers[count++] ?? says("no") });
}

it("asks for the agent's output schema with every call, and for none where it has none", async () => {
  const { context, requests } = worldThatSays(agentOf(), { message: wants("c1") }, says('{"n":1}'));
  const plain = worldOf({ model: () => says("no JSON") });

  expect(await agentLoop(context)).toBe('{"n":1}');
  expect(await agentLoop(plain.context)).toBe("no JSON");
  expect(requests.map(({ outputSchema }) => outputSchema)).toEqual([schema, schema]);
  expect(plain.requests[0]?.outputSchema).toBe("");
});

describe("an answer that does not fit", () => {
  it("is asked for again with what is wrong, each time as a step of its own", async () => {
    const world = worldThatSays(agentOf(), says(""), says('{"n":"1"}'), says('```json\n{ "n": 1 }\n```'));

    const output = await agentLoop(world.context);

    const asked = world.requests.map(({ messages }) => messages.slice(1).map(textOf));
    expect(output).toBe('{"n":1}');
    expect(world.journal.map(({ key }) => key)).toEqual(["turn/1/model", "turn/2/model", "turn/3/model"]);
    expect(asked[1]).toEqual(["now", "(nothing)", expect.stringContaining("not JSON")]);
    expect(asked[2]?.slice(3)).toEqual(['{"n":"1"}', expect.stringContaining("answer/n")]);
  });

  it.each([
    [undefined, 3],
    [0, 1],
    [5, 6],
  ])("fails the execution after the repairs that the agent allows: %s", async (maxRepairs, calls) => {
    const { context, requests } = worldThatSays(agentOf(maxRepairs === undefined ? {} : { maxRepairs }));

    await expect(agentLoop(context)).rejects.toMatchObject({
      reason: "OUTPUT_INVALID",
      message: expect.stringContaining("not JSON"),
    });
    expect(requests).toHaveLength(calls);
  });

  it("fails the execution where no turn is left", async () => {
    const { context, requests } = worldThatSays(agentOf({}, 2));

    await expect(agentLoop(context)).rejects.toMatchObject({ reason: "LIMIT_REACHED" });
    expect(requests).toHaveLength(2);
  });

  it("may call tools before it is given again, and the repairs go on counting", async () => {
    const { context } = worldThatSays(agentOf({ maxRepairs: 1 }), says("a"), { message: wants("c1") }, says("b"));

    await expect(agentLoop(context)).rejects.toMatchObject({ reason: "OUTPUT_INVALID" });
  });
});
