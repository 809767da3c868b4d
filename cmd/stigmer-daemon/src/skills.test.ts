import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { SkillCommandController, SkillQueryController, SkillSchema } from "@stigmer/contracts/agentic";
import { ApiResourceCommandController } from "@stigmer/contracts/commons";
import { afterAll, beforeAll, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createSkill, DESCRIPTION, type Files, skillMd, uploadFiles } from "./skill-files.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const MIB = 1024 * 1024;

let daemon: TestDaemon;
let count = 0;
beforeAll(async () => {
  daemon = await startTestDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

it("keeps each version of a skill under the digest of what it holds, and tags name it for ever", async () => {
  const name = unique();
  const first = await createSkill(daemon.client, name, { "SKILL.md": skillMd(name, "one") });
  const commands = daemon.client.service(SkillCommandController);
  await commands.tag({ id: first.metadata?.id ?? "", tag: "v1" });
  const { metadata } = await daemon.client.service(SkillQueryController).getByReference({ name });
  const files = await uploadFiles(daemon.client, { "SKILL.md": skillMd(name, "two") });

  const second = await commands.update(
    create(SkillSchema, { metadata: metadata ?? {}, spec: { description: DESCRIPTION, files } }),
  );

  const tagged = await daemon.client.service(SkillQueryController).getByReference({ name, revision: "v1" });
  expect(second.status?.revision).not.toBe(first.status?.revision);
  expect(tagged.spec).toEqual(first.spec);
});

it("takes a skill whose name is generated from what it calls itself", async () => {
  const name = unique();
  const files = await uploadFiles(daemon.client, { "SKILL.md": skillMd(name) });
  const skill = create(SkillSchema, {
    metadata: { generateName: `${name}-` },
    spec: { description: DESCRIPTION, files },
  });

  const { metadata } = await daemon.client.service(SkillCommandController).create(skill);

  expect(metadata?.name).toMatch(new RegExp(`^${name}-[a-z0-9]{5}$`));
});

it("refuses a skill whose content is not there, or has another size", async () => {
  const name = unique();
  const digest = `sha256:${createHash("sha256").update(name).digest("hex")}`;
  const files = await uploadFiles(daemon.client, { "SKILL.md": skillMd(name) });
  const make = (more: { path: string; digest: string; size: bigint }) =>
    daemon.client
      .service(SkillCommandController)
      .create(create(SkillSchema, { metadata: { name }, spec: { description: DESCRIPTION, files: [...files, more] } }));

  const absent = await refused(make({ path: "a", digest, size: 5n }));
  const other = await refused(make({ path: "a", digest: files[0]?.digest ?? "", size: 5n }));

  expect(absent).toMatchObject({ kind: "precondition", reason: "BLOB_INCOMPLETE", facts: { digest } });
  expect(other.violations).toMatchObject([{ field: "spec.files[1].size" }]);
});

const WRONG: readonly [what: string, field: string, files: (name: string) => Files][] = [
  ["without SKILL.md", "spec", (name) => ({ "skill.md": skillMd(name) })],
  ["without front matter", "spec.files[0]", () => ({ "SKILL.md": "# Notes" })],
  ["that calls itself otherwise", "metadata.name", () => ({ "SKILL.md": skillMd("other") })],
  ["described otherwise", "spec.description", (name) => ({ "SKILL.md": skillMd(name, "", "Another.") })],
  ["that is not UTF-8", "spec.files[0]", () => ({ "SKILL.md": Uint8Array.of(0x2d, 0x2d, 0x2d, 0x0a, 0xff) })],
  ["that leaves its folder", "spec.files[1].path", (name) => ({ "SKILL.md": skillMd(name), "../x": "x" })],
  ["that leaves its folder within", "spec.files[1].path", (name) => ({ "SKILL.md": skillMd(name), "a/../../x": "x" })],
  ["with an absolute path", "spec.files[1].path", (name) => ({ "SKILL.md": skillMd(name), "/etc/x": "x" })],
  ["with a backslash", "spec.files[1].path", (name) => ({ "SKILL.md": skillMd(name), "..\\x": "x" })],
  ["with names that differ in case", "spec.files[2].path", (name) => ({ "SKILL.md": skillMd(name), a: "x", A: "y" })],
  ["with a SKILL.md beyond 1 MiB", "spec.files[0].size", (name) => ({ "SKILL.md": skillMd(name, "x".repeat(MIB)) })],
];

it.each(WRONG)("refuses a skill %s", async (_, field, files) => {
  const name = unique();

  const fault = await refused(createSkill(daemon.client, name, files(name)));

  expect(fault).toMatchObject({ kind: "invalid" });
  expect(fault.violations.map((one) => one.field)).toEqual([field]);
});

it("refuses a skill beyond 32 MiB in all", async () => {
  const name = unique();
  const large = new Uint8Array(12 * MIB);
  const files = { "SKILL.md": skillMd(name), a: large, b: large, c: large };

  const fault = await refused(createSkill(daemon.client, name, files));

  expect(fault.violations).toMatchObject([{ field: "spec.files" }]);
});

it("checks a skill that is applied as one that is created, dry runs included", async () => {
  const name = unique();
  const files = await uploadFiles(daemon.client, { "SKILL.md": "# Notes" });
  const skill = create(SkillSchema, {
    ...{ apiVersion: "agentic.stigmer.ai/v1", kind: "Skill", metadata: { name } },
    spec: { description: DESCRIPTION, files },
  });
  const resource = anyPack(SkillSchema, skill);

  const fault = await refused(daemon.client.service(ApiResourceCommandController).apply({ resource, dryRun: true }));

  expect(fault.violations).toMatchObject([{ field: "spec.files[0]" }]);
});

function unique(): string {
  return `skill-${++count}`;
}
