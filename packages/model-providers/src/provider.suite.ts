import { create } from "@bufbuild/protobuf";
import { FinishReason, Role } from "@stigmer/contracts/agentic";
import { type ToolSpec, ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { ModelAnswer } from "@stigmer/gateway/port";
import type { Script, StandinOptions } from "@stigmer/standins";
import { describe, expect, it } from "vitest";
import { asked, hearing } from "./asked.fake.ts";
import { beside, callsIn, driver, KEY, results, system, textIn, user, type Vendor } from "./vendors.fake.ts";

const SCRIPT: Script = {
  turns: [
    {
      text: "let me look",
      toolCalls: [{ id: "c1", name: "read", arguments: { path: "/tmp/ä😀", lines: [1, 2] } }],
      usage: { cached: 3 },
    },
    {
      toolCalls: [
        { id: "c2", name: "read", arguments: { path: "a" } },
        { id: "c3", name: "now", arguments: {} },
      ],
    },
    { text: "it says hello" },
  ],
};

const TOOLS: readonly ToolSpec[] = ["read", "now"].map((name) => create(ToolSpecSchema, { name, description: name }));

/** What every driver promises of an answer, streamed or not. */
export function answersSuite(vendor: Vendor, stream: boolean): void {
  async function ask(options: StandinOptions = {}): Promise<{ answer: ModelAnswer; heard: string[] }> {
    const heard: string[] = [];
    const request = asked({ model: vendor.model, messages: [user("what is in it?")], tools: TOOLS });
    const hooks = hearing({ onStart: () => void heard.push("start"), onText: (text) => void heard.push(text) });
    const answer = await beside(vendor, { script: SCRIPT, ...options }, ({ url }) =>
      driver(vendor, url, { stream }).generate(request, hooks),
    );
    return { answer, heard };
  }

  describe("an answer", () => {
    it("says that it begins, streams its text and comes back whole", async () => {
      const { answer, heard } = await ask();

      expect([heard[0], heard.slice(1).join("")]).toEqual(["start", "let me look"]);
      expect(heard.length).toBeGreaterThanOrEqual(stream ? 4 : 2);
      expect(answer.message.parts.map(({ part }) => part.value)).toMatchObject([
        "let me look",
        { id: "c1", name: "read", arguments: '{"path":"/tmp/ä😀","lines":[1,2]}' },
      ]);
      expect(answer).toMatchObject({
        finishReason: FinishReason.TOOL_CALLS,
        servedModel: vendor.model,
        scripted: false,
        usage: { outputTokens: 4n },
      });
      expect(answer.usage.inputTokens).toBeGreaterThanOrEqual(4n);
    });

    it("says that it begins where it is a tool call alone", async () => {
      const { heard } = await ask({ handler: () => ({ toolCalls: [{ name: "now", arguments: {} }] }) });

      expect(heard).toEqual(["start"]);
    });

    it.each(["json", "split", "shuffled"] as const)("is the same where the server's way is: %s", async (mode) => {
      const { answer } = await ask();

      expect((await ask({ mode })).answer).toEqual(answer);
    });

    it("keeps the order of parallel calls, however their pieces are mixed", async () => {
      const script = { turns: SCRIPT.turns.slice(1) };
      const { answer } = await ask({ script, mode: "shuffled" });

      expect(callsIn(answer)).toMatchObject([
        { id: "c2", name: "read", arguments: '{"path":"a"}' },
        { id: "c3", name: "now", arguments: "{}" },
      ]);
    });

    it("ends for a reason that nobody knows", async () => {
      const { answer } = await ask({ handler: () => ({ text: "enough" }), mode: "unknown-finish" });

      expect([answer.finishReason, textIn(answer)]).toEqual([FinishReason.UNSPECIFIED, "enough"]);
    });

    it("may have nothing in it", async () => {
      const { answer, heard } = await ask({ handler: () => ({}) });

      expect([answer.message.parts, answer.finishReason, heard]).toEqual([[], FinishReason.STOP, []]);
    });
  });

  it("leads the same conversation as with every other vendor", async () => {
    const said: string[] = [];
    await beside(vendor, { script: SCRIPT }, async ({ url, requests }) => {
      const messages = [system("be brief"), user("go")];
      for (let turn = 0; turn < SCRIPT.turns.length; turn++) {
        const request = asked({ model: vendor.model, messages, tools: TOOLS });
        const answer = await driver(vendor, url, { stream }).generate(request, hearing());
        messages.push(answer.message);
        if (callsIn(answer).length > 0) messages.push(results(callsIn(answer)));
        said.push(
          `${FinishReason[answer.finishReason]} ${answer.message.parts.map(({ part }) => word(part)).join(", ")}`,
        );
      }
      expect(requests).toHaveLength(3);
      expect(messages.map(({ role }) => Role[role])).toEqual([
        "SYSTEM",
        "USER",
        "ASSISTANT",
        "TOOL",
        "ASSISTANT",
        "TOOL",
        "ASSISTANT",
      ]);
    });

    expect(said).toEqual([
      'TOOL_CALLS let me look, c1 read {"path":"/tmp/ä😀","lines":[1,2]}',
      'TOOL_CALLS c2 read {"path":"a"}, c3 now {}',
      "STOP it says hello",
    ]);
  });

  it("sends the key where the vendor wants it, and none where there is none", async () => {
    const seen = await beside(vendor, { script: SCRIPT }, async ({ url, requests }) => {
      await driver(vendor, url, { stream }).generate(asked({ model: "m", messages: [user("go")] }), hearing());
      return requests[0];
    });

    expect(seen?.headers[vendor.keyHeader]).toMatch(/\*\*\*$/);
    expect(JSON.stringify(seen)).not.toContain(KEY);
    await using open = await vendor.open({ script: SCRIPT });
    const keyless = driver(vendor, open.url, { stream, apiKey: undefined as never });
    await keyless.generate(asked({ model: "m", messages: [user("go")] }), hearing());
    expect(open.requests[0]?.headers).not.toHaveProperty(vendor.keyHeader);
  });

  it("lists the models, with their context where the vendor tells it or the user does", async () => {
    const { signal } = new AbortController();
    const models = ["one", "two", "three"];
    const [told, set] = await beside(vendor, { models }, async ({ url }) => [
      await driver(vendor, url).list({ signal }),
      await driver(vendor, url, { contextWindow: 2048 }).list({ signal }),
    ]);

    expect(told?.map(({ model, contextWindow }) => [model, contextWindow > 0])).toEqual(
      models.map((model) => [model, vendor.tellsContext]),
    );
    expect(set?.map(({ contextWindow }) => contextWindow)).toEqual([2048, 2048, 2048]);
  });
}

function word(part: ModelAnswer["message"]["parts"][number]["part"]): string {
  if (part.case === "toolCall") return `${part.value.id} ${part.value.name} ${part.value.arguments}`;
  return part.case === "text" ? part.value : String(part.case);
}
