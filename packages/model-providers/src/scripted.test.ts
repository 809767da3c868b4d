import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { isFault, type Reason } from "@stigmer/base";
import { FinishReason, type Message, MessageSchema, Role } from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asked, hearing } from "./asked.fake.ts";
import { type ScriptedOptions, scripted } from "./scripted.ts";

const SCRIPT = `
turns:
  - { text: "let me  look\\n", toolCalls: [{ name: read, arguments: { path: a b } }] }
  - { text: it says hello }
  - { error: { status: 503, message: away, retryAfterMs: 20 } }
  - { error: { status: 400, message: bad } }
`;

function message(role: Role, value: string): Message {
  return create(MessageSchema, { role, parts: [{ part: { case: "text", value } }] });
}

const user = message(Role.USER, "what is in it?");
const assistant = message(Role.ASSISTANT, "earlier words");
const tool = create(MessageSchema, {
  role: Role.TOOL,
  parts: [{ part: { case: "toolResult", value: { callId: "call_0_0", content: "hello" } } }],
});

type Say = { messages?: Message[]; file?: string; onText?: (text: string) => void; signal?: AbortSignal };

function say(options: ScriptedOptions, { messages = [user], file = "demo.yaml", ...rest }: Say = {}) {
  return scripted(options).generate(asked({ model: file, messages }), hearing(rest));
}

const loaded: ScriptedOptions = { load: async () => SCRIPT };

function fault(reason: Reason, words: RegExp) {
  return expect.toSatisfy((error: unknown) => isFault(error, reason) && words.test(error.message));
}

describe("an answer", () => {
  it("streams word by word, and says that it is scripted", async () => {
    const streamed: string[] = [];
    const answer = await say(loaded, { onText: (text) => void streamed.push(text) });

    expect(streamed).toEqual(["let", " me", "  look", "\n"]);
    expect(answer).toMatchObject({
      scripted: true,
      servedModel: "scripted/demo.yaml",
      finishReason: FinishReason.TOOL_CALLS,
      usage: { inputTokens: 4n, outputTokens: 5n },
    });
    expect(answer.message.parts.map(({ part }) => part.value)).toMatchObject([
      "let me  look\n",
      { id: "call_0_0", name: "read", arguments: '{"path":"a b"}' },
    ]);
  });

  it("is chosen by the assistant's messages since the last user message", async () => {
    const second = await say(loaded, { messages: [user, assistant, tool] });
    const again = await say(loaded, { messages: [user, assistant, tool] });
    const anew = await say(loaded, { messages: [user, assistant, tool, assistant, user] });

    expect(second.message.parts.map(({ part }) => part.value)).toEqual(["it says hello"]);
    expect(second.finishReason).toBe(FinishReason.STOP);
    expect(again).toEqual(second);
    expect(anew.finishReason).toBe(FinishReason.TOOL_CALLS);
  });

  it("pauses before each word and before the tool calls", async () => {
    const course: string[] = [];
    const load = async () => 'turns: [{ text: a b, delayMs: 7, toolCalls: [{ name: x, arguments: "" }] }]';
    const pause = async (ms: number) => void course.push(`pause ${ms}`);
    await say({ load, pause }, { onText: (text) => void course.push(text) });

    expect(course).toEqual(["pause 7", "a", "pause 7", " b", "pause 7"]);
  });

  it("ends with the caller's reason where it is aborted, in a pause too", async () => {
    const reason = new Error("enough");
    const slow = { load: async () => "turns: [{ text: a b, delayMs: 3600000 }]" };
    const controller = new AbortController();
    const work = say(slow, { signal: controller.signal });
    controller.abort(reason);

    await expect(work).rejects.toBe(reason);
    await expect(say(loaded, { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe("a refusal", () => {
  it("says how many turns the script has", async () => {
    const messages = [user, assistant, assistant, assistant, assistant];

    await expect(say(loaded, { messages })).rejects.toThrow(fault("PROVIDER_REFUSED", /script has only 4 turns/));
  });

  it("follows the script's errors", async () => {
    const away = say(loaded, { messages: [user, assistant, assistant] });
    const bad = say(loaded, { messages: [user, assistant, assistant, assistant] });

    await expect(away).rejects.toMatchObject({
      reason: "PROVIDER_UNAVAILABLE",
      retryAfterMs: 20,
      facts: { provider: "scripted", status: "503" },
    });
    await expect(bad).rejects.toThrow(fault("PROVIDER_REFUSED", /bad/));
  });

  it("names the script and the place that is wrong", async () => {
    await expect(say({ load: async () => "turns: [{txt: a}]" })).rejects.toThrow(
      fault("PROVIDER_REFUSED", /"demo.yaml": turns\[0\]\.txt: unknown key/),
    );
  });
});

describe("a file", () => {
  let root = "";
  const dir = () => join(root, "scripts");

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "stigmer-scripts-"));
    await mkdir(join(dir(), "sub"), { recursive: true });
    await writeFile(join(dir(), "sub", "in.yaml"), SCRIPT);
    await writeFile(join(root, "out.yaml"), SCRIPT);
    await symlink(join(root, "out.yaml"), join(dir(), "link.yaml"));
    await symlink(dir(), join(root, "linked-dir"));
  });

  afterAll(async () => await rm(root, { recursive: true }));

  it("is read from the folder, below it, and through a link to it", async () => {
    const answers = [
      say({ dir: dir() }, { file: "sub/in.yaml" }),
      say({ dir: join(root, "linked-dir") }, { file: "sub/in.yaml" }),
    ];

    expect((await Promise.all(answers)).map(({ scripted }) => scripted)).toEqual([true, true]);
  });

  it("is read from anywhere where its path is absolute", async () => {
    expect((await say({ dir: dir() }, { file: join(root, "out.yaml") })).scripted).toBe(true);
  });

  it.each([
    ["../out.yaml", /outside of the scripts folder/],
    ["link.yaml", /outside of the scripts folder/],
    ["none.yaml", /there is no file .*none\.yaml/],
    ["sub", /not a file/],
    [".", /outside/],
    ["nul\0", /cannot be read/],
  ])("is refused as %j", async (file, words) => {
    await expect(say({ dir: dir() }, { file })).rejects.toThrow(fault("PROVIDER_REFUSED", words));
  });

  it("is refused where it is larger than 8 MiB", async () => {
    await writeFile(join(dir(), "large.yaml"), Buffer.alloc(8 * 1024 * 1024 + 1));

    await expect(say({ dir: dir() }, { file: "large.yaml" })).rejects.toThrow(fault("PROVIDER_REFUSED", /8 MiB/));
  });
});
