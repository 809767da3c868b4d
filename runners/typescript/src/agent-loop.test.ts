import { AgentSpecSchema, create, Role, textMessage } from "@stigmer/sdk";
import { describe, expect, it } from "vitest";
import { agentLoop } from "./agent-loop.ts";
import { inTurn, wants, worldOf } from "./agent-world.fake.ts";

const history = [textMessage(Role.USER, "before"), textMessage(Role.ASSISTANT, "then")];
const keysOf = ({ journal }: { readonly journal: readonly { readonly key: string }[] }) =>
  journal.map(({ key }) => key);

it("asks the model with instructions, history and message, and answers with what it says", async () => {
  const agent = create(AgentSpecSchema, { instructions: "be kind" });
  const { context, requests } = worldOf({ context: { agent, history }, model: inTurn() });

  const output = await agentLoop(context);

  expect(output).toBe("done");
  expect(requests[0]?.messages).toEqual([
    textMessage(Role.SYSTEM, "be kind"),
    ...history,
    textMessage(Role.USER, "now"),
  ]);
  expect(requests[0]?.tools).toMatchObject([{ name: "fs_read", description: "d", inputSchema: "{}" }]);
});

it("calls the tools that the model wants, one after the other, and asks again with what they answered", async () => {
  const world = worldOf({ model: inTurn(wants("c1", "bad"), wants("c1")) });

  await agentLoop(world.context);

  expect(keysOf(world)).toEqual([
    "turn/1/model",
    "turn/1/tool/c1",
    "turn/1/tool/bad",
    "turn/2/model",
    "turn/2/tool/c1",
    "turn/3/model",
  ]);
  const { messages = [] } = world.requests[1] ?? {};
  expect(messages.at(-2)).toEqual(wants("c1", "bad"));
  expect(messages.at(-1)?.role).toBe(Role.TOOL);
  expect(messages.at(-1)?.parts.map(({ part }) => part.value)).toMatchObject([
    { callId: "c1", content: '{"n":"c1"}', isError: false },
    { callId: "bad", content: '{"n":"bad"}', isError: true },
  ]);
});

it("shows the model what a tool returned beside its text", async () => {
  const attachments = [{ name: "a.png", mediaType: "image/png", digest: `sha256:${"a".repeat(64)}`, size: 3n }];
  const world = worldOf({ model: inTurn(wants("c1")), tool: () => ({ attachments: attachments as never }) });

  await agentLoop(world.context);

  expect(world.requests[1]?.messages.at(-1)?.parts[0]?.part.value).toMatchObject({ callId: "c1", attachments });
});

it("says with each call which ones of the same turn come after it", async () => {
  const { context, planned } = worldOf({ model: inTurn(wants("c1", "c2", "c2")) });

  await agentLoop(context);

  expect(planned).toEqual([["turn/1/tool/c2 c2", "turn/1/tool/c2#2 c2"], ["turn/1/tool/c2#2 c2"], []]);
});

describe("ends with LIMIT_REACHED", () => {
  it.each([
    [2, 2],
    [0, 50],
  ])("after the agent's turns: %i", async (maxTurns, asked) => {
    const agent = create(AgentSpecSchema, { maxTurns });
    const { context, requests } = worldOf({ context: { agent }, model: () => ({ message: wants("c1") }) });

    await expect(agentLoop(context)).rejects.toMatchObject({ reason: "LIMIT_REACHED" });
    expect(requests).toHaveLength(asked);
  });

  it("before tools are called in more turns than the execution may have", async () => {
    const world = worldOf({ context: { maxToolRounds: 2 }, model: () => ({ message: wants("c1", "c2") }) });

    await expect(agentLoop(world.context)).rejects.toMatchObject({ reason: "LIMIT_REACHED" });
    expect(keysOf(world).filter((key) => key.includes("/tool/"))).toHaveLength(4);
  });
});

it("lets a failure of the model through", async () => {
  const { context } = worldOf({ model: () => ({ fails: "PROVIDER_REFUSED" }) });

  await expect(agentLoop(context)).rejects.toMatchObject({ reason: "PROVIDER_REFUSED" });
});
