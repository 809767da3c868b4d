import { create } from "@bufbuild/protobuf";
import {
  ExecutionPhase as Phase,
  SkillCommandController,
  SkillQueryController,
  SkillSchema,
  type ToolResult,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { afterEach, beforeEach, expect, it } from "vitest";
import { callTool, type Driven, drive } from "./driven.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, execute, idOf } from "./resources.fake.ts";
import { createSkill, DESCRIPTION, type Files, skillMd, uploadFiles } from "./skill-files.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const KIB = 1024;
const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0xff);

let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startTestDaemon();
});
afterEach(() => daemon[Symbol.asyncDispose]());

it("reads a skill and its files, without asking anybody", async () => {
  await agentWith({ "SKILL.md": skillMd("notes", "Be short."), "docs/more.md": "More." });
  await using _ = startKitRunner(daemon);
  const turns = [reads({ skill: "notes" }), reads({ skill: "notes", path: "./docs/more.md" }), { text: "done" }];

  const { status, metadata } = await untilEnd(
    daemon.client,
    idOf(await execute(daemon.client, { model: daemon.script(turns) })),
  );

  const events = await eventsOf(daemon.client, metadata?.id ?? "");
  const [created] = valuesOf(events, "created");
  expect(status?.phase).toBe(Phase.SUCCEEDED);
  expect(created).toMatchObject({ skills: [{ name: "notes", description: DESCRIPTION }] });
  expect(valuesOf(events, "toolCallFinished").map(({ result }) => result?.content)).toEqual([
    "Be short.\n\n[files of this skill: docs/more.md]",
    "More.",
  ]);
});

it("tells the runner name and description of each skill, and no more", async () => {
  await agentWith({ "SKILL.md": skillMd("notes") });

  const { line } = await driving();

  const assignment = line.heard.find((said) => said.case === "assignment");
  expect(assignment?.value).toMatchObject({ skills: [{ name: "notes", description: DESCRIPTION }] });
});

it("reads a skill as it was when the execution began", async () => {
  await agentWith({ "SKILL.md": skillMd("notes", "old") });
  const driven = await driving();
  const before = await daemon.client.service(SkillQueryController).getByReference({ name: "notes" });
  const files = await uploadFiles(daemon.client, { "SKILL.md": skillMd("notes", "new") });
  const spec = { description: DESCRIPTION, files };
  await daemon.client
    .service(SkillCommandController)
    .update(create(SkillSchema, { metadata: before.metadata ?? {}, spec }));

  const result = await read(driven, { skill: "notes" });

  expect(result.content).toBe("old");
});

it("takes the skill in the version that the agent names", async () => {
  const first = await createSkill(daemon.client, "notes", { "SKILL.md": skillMd("notes", "old") });
  const commands = daemon.client.service(SkillCommandController);
  await commands.tag({ id: idOf(first), tag: "v1" });
  const files = await uploadFiles(daemon.client, { "SKILL.md": skillMd("notes", "new") });
  const { metadata } = await daemon.client.service(SkillQueryController).get({ id: idOf(first) });
  await commands.update(create(SkillSchema, { metadata: metadata ?? {}, spec: { description: DESCRIPTION, files } }));
  await createAgent(daemon.client, { spec: { skills: [{ name: "notes", revision: "v1" }] } });
  const driven = await driving();

  expect((await read(driven, { skill: "notes" })).content).toBe("old");
});

it("refuses an agent with a skill that is not there, and a start with a version that is not there", async () => {
  const agent = await refused(createAgent(daemon.client, { spec: { skills: [{ name: "notes" }] } }));
  await createSkill(daemon.client, "notes", { "SKILL.md": skillMd("notes") });
  await createAgent(daemon.client, { spec: { skills: [{ name: "notes", revision: "v9" }] } });
  const start = await refused(execute(daemon.client, { model: daemon.script([{ text: "x" }]) }));

  expect(agent).toMatchObject({ kind: "invalid", reason: "REFERENCE_NOT_FOUND" });
  expect(start).toMatchObject({ kind: "notFound", facts: { kind: "Skill", revision: "v9" } });
});

it("reads a long file piece by piece, no piece longer than 256 KiB, characters whole", async () => {
  const text = "€".repeat(100 * KIB);
  await agentWith({ "SKILL.md": skillMd("notes"), "long.txt": text });
  const driven = await driving();

  const first = await read(driven, { skill: "notes", path: "long.txt" }, "one");
  const offset = Number(/read on with offset (\d+)\]$/.exec(first.content)?.[1]);
  const second = await read(driven, { skill: "notes", path: "long.txt", offset }, "two");

  expect(offset).toBe(3 * Math.floor((256 * KIB) / 3));
  expect(first.content.replace(/\n\n\[cut.*$/, "") + second.content).toBe(text);
});

it("reads on in a long SKILL.md where it was cut", async () => {
  const body = "x".repeat(300 * KIB);
  await agentWith({ "SKILL.md": skillMd("notes", body) });
  const driven = await driving();

  const first = await read(driven, { skill: "notes" }, "one");
  const second = await read(driven, { skill: "notes", offset: 256 * KIB }, "two");

  expect(first.content).toContain(`[cut after byte ${256 * KIB} of ${300 * KIB}; read on with offset ${256 * KIB}]`);
  expect(second.content).toBe("x".repeat(44 * KIB));
});

it("attaches an image, and says of other bytes that they can't be shown", async () => {
  await agentWith({ "SKILL.md": skillMd("notes"), "a/logo.png": PNG, "core.bin": PNG });
  const driven = await driving();

  const image = await read(driven, { skill: "notes", path: "a/logo.png" }, "one");
  const binary = await read(driven, { skill: "notes", path: "core.bin" }, "two");

  expect(image).toMatchObject({
    isError: false,
    attachments: [{ name: "logo.png", mediaType: "image/png", size: 6n }],
  });
  expect(binary).toMatchObject({ isError: true, attachments: [] });
});

it.each([
  [{ skill: "other" }, 'there is no skill "other"; the skills are: notes'],
  [{ skill: "notes", path: "nowhere" }, 'the skill has no file "nowhere"; its files are: SKILL.md'],
  [{ skill: "notes", path: "../../etc/passwd" }, 'the skill has no file "../../etc/passwd"'],
  [{ skill: "notes", path: "/etc/passwd" }, 'the skill has no file "etc/passwd"'],
  [{ skill: "notes", offset: -1 }, "the arguments do not fit the tool's schema"],
  [{}, "the arguments do not fit the tool's schema"],
])("tells the model what is wrong with %j", async (value, words) => {
  await agentWith({ "SKILL.md": skillMd("notes") });
  const driven = await driving();

  const result = await read(driven, value);

  expect(result).toMatchObject({ isError: true, content: expect.stringContaining(words) });
});

it("offers no such tool to an agent without skills", async () => {
  await createAgent(daemon.client);
  const driven = await driving();

  const result = await read(driven, { skill: "notes" });

  expect(result).toMatchObject({ isError: true, content: expect.stringContaining('there is no tool "read_skill"') });
});

function reads(value: Readonly<Record<string, unknown>>) {
  return { toolCalls: [{ name: "read_skill", arguments: value }] };
}

async function agentWith(files: Files): Promise<void> {
  await createSkill(daemon.client, "notes", files);
  await createAgent(daemon.client, { spec: { skills: [{ name: "notes" }] } });
}

/** An execution whose tools are listed. */
async function driving(): Promise<Driven> {
  const driven = await drive(daemon.client, daemon.script([{ text: "x" }]));
  const { executionId, epoch } = driven.lease;
  await daemon.client.service(ToolController).list({ executionId, epoch });
  return driven;
}

async function read(
  { lease }: Driven,
  value: Readonly<Record<string, unknown>>,
  stepKey = "tool",
): Promise<ToolResult> {
  const answer = await callTool(
    daemon.client,
    lease,
    { name: "read_skill", arguments: JSON.stringify(value) },
    stepKey,
  );
  if (answer.case !== "result") throw new Error(`the call ended with ${answer.case}`);
  return answer.value;
}
