import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { SkillFileSchema } from "@stigmer/contracts/agentic";
import { beforeEach, expect, it } from "vitest";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";
import { createSkillBackend, type SkillBackend } from "../skill/skill-backend.fake.ts";
import { type ZipMember, zipOf } from "../skill/zip.fake.ts";

const SKILL_MD = "---\nname: notes\ndescription: >\n  How release notes\n  are written.\n---\n# Notes\n";

let backend: SkillBackend;
let world: World;
beforeEach(async () => {
  backend = createSkillBackend();
  world = await createWorld({
    backends: { [URL_OF_BACKEND]: backend.routes },
    env: { STIGMER_URL: URL_OF_BACKEND },
    isTTY: true,
  });
});

it("pushes a folder under the name that its SKILL.md says, and a tag names the version", async () => {
  write({ "SKILL.md": SKILL_MD, "docs/style.md": "short", ".git/config": "x", ".DS_Store": "x", "a/.hidden": "x" });

  const exit = await world.run("skill", "push", "notes", "--tag", "v1");

  const skill = backend.skills.get("notes");
  expect([exit, world.stderr()]).toEqual([0, ""]);
  expect(world.stdout()).toMatch(/^skill\/notes created sha256:[0-9a-f]{64} as v1\n$/);
  expect(skill?.spec?.description).toBe("How release notes are written.");
  expect(skill?.spec?.files.map(({ path, size }) => [path, Number(size)])).toEqual([
    ["SKILL.md", SKILL_MD.length],
    ["docs/style.md", 5],
  ]);
  expect(backend.tags.get("notes@v1")).toBe(skill?.status?.revision);
});

it("sends only what the backend does not have, and says that nothing changed", async () => {
  write({ "SKILL.md": SKILL_MD, a: "same", b: "same" });
  await world.run("skill", "push", "notes");
  const { sent } = backend;

  await world.run("skill", "push", "notes");

  expect(sent).toBe(SKILL_MD.length + 4);
  expect(backend.sent).toBe(sent);
  expect(world.stdout()).toContain("skill/notes unchanged sha256:");
});

it("keeps labels of a skill that it updates", async () => {
  write({ "SKILL.md": SKILL_MD });
  await world.run("skill", "push", "notes");
  Object.assign(backend.skills.get("notes")?.metadata?.labels ?? {}, { team: "platform" });
  write({ "SKILL.md": `${SKILL_MD}more` });

  await world.run("skill", "push", "notes", "-o", "json");

  expect(world.stdout()).toContain('"team": "platform"');
  expect(backend.skills.get("notes")?.metadata?.resourceVersion).toBe("2");
});

it.each([
  ["as it is", ""],
  ["in a folder of its own", "notes-1.0/"],
])("pushes an archive whose files lie %s", async (_, prefix) => {
  zip(
    { path: prefix || "x/", mode: 0o040755 },
    { path: `${prefix}SKILL.md`, text: SKILL_MD },
    { path: `${prefix}docs/a.md`, text: "a" },
    { path: `${prefix}.git/config`, text: "x" },
    { path: `__MACOSX/SKILL.md`, text: "x" },
  );

  expect(await world.run("skill", "push", "skill.zip")).toBe(0);

  expect(backend.skills.get("notes")?.spec?.files.map(({ path }) => path)).toEqual(["SKILL.md", "docs/a.md"]);
});

const GOOD = { path: "SKILL.md", text: SKILL_MD };
const BAD_ARCHIVES: readonly [what: string, words: RegExp, members: readonly ZipMember[]][] = [
  ["that leaves its folder", /leaves the archive's folder/, [GOOD, { path: "../../evil", text: "x" }]],
  ["that leaves it on the way", /leaves the archive's folder/, [GOOD, { path: "a/../../evil", text: "x" }]],
  ["that leaves it hidden", /leaves the archive's folder/, [GOOD, { path: ".git/../../evil", text: "x" }]],
  ["with an absolute path", /leaves the archive's folder/, [GOOD, { path: "/etc/passwd", text: "x" }]],
  ["with a drive", /leaves the archive's folder/, [GOOD, { path: "C:/evil", text: "x" }]],
  ["with backslashes", /leaves the archive's folder/, [GOOD, { path: "..\\evil", text: "x" }]],
  ["with a link", /is a link/, [GOOD, { path: "link", text: "/etc/passwd", mode: 0o120777 }]],
  ["with a password", /is encrypted/, [{ ...GOOD, flags: 1 }]],
  [
    "that unpacks to more than it says",
    /can't be unpacked/,
    [GOOD, { path: "b", text: "x".repeat(9_000_000), saidSize: 100 }],
  ],
  ["whose content is not what its check sum says", /can't be unpacked/, [GOOD, { path: "b", text: "x", saidCrc: 1 }]],
  ["that says it unpacks to 1 GB", /larger than 16 MiB/, [GOOD, { path: "b", text: "x", saidSize: 2 ** 30 }]],
  ["that names a file twice", /twice/, [GOOD, { path: "a", text: "1" }, { path: "a", text: "2" }]],
  ["whose names differ in case", /letter case/, [GOOD, { path: "a", text: "1" }, { path: "A", text: "2" }]],
  ["without SKILL.md", /no SKILL\.md/, [{ path: "a/README.md", text: "x" }]],
];

it.each(BAD_ARCHIVES)("refuses an archive %s, and sends nothing", async (_, words, members) => {
  zip(...members);

  expect(await world.run("skill", "push", "skill.zip")).toBe(2);

  expect(world.stderr()).toMatch(words);
  expect(backend.sent).toBe(0);
});

it("refuses an archive that unpacks to more than 32 MiB in all, however small it is", async () => {
  const bomb = "\0".repeat(15_000_000);
  zip(GOOD, { path: "a", text: bomb }, { path: "b", text: bomb }, { path: "c", text: bomb });

  expect(await world.run("skill", "push", "skill.zip")).toBe(2);

  expect(world.stderr()).toContain("larger than 32 MiB in all");
});

it("refuses every cut of an archive, and every other file, without a crash", async () => {
  const whole = zipOf(GOOD, { path: "a.md", text: "text" });
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(join(world.home, "skill.zip"), whole.subarray(0, length));
    expect(await world.run("skill", "push", "skill.zip")).toBe(2);
  }
  expect(world.stderr()).not.toContain("fault of stigmer's own");
});

it("refuses or reads an archive with any byte changed, without a crash", async () => {
  const whole = zipOf(GOOD, { path: "a.md", text: "text" });
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 0xff;
    writeFileSync(join(world.home, "skill.zip"), changed);
    expect([0, 2]).toContain(await world.run("skill", "push", "skill.zip"));
  }
  expect(world.stderr()).not.toContain("fault of stigmer's own");
});

const BAD_FOLDERS: readonly [what: string, words: RegExp, files: Readonly<Record<string, string | Uint8Array>>][] = [
  ["without SKILL.md", /no SKILL\.md/, { "skill.md": SKILL_MD }],
  ["without front matter", /no front matter/, { "SKILL.md": "# Notes" }],
  ["without a name", /says no name/, { "SKILL.md": "---\ndescription: x\n---\n" }],
  ["without a description", /says no description/, { "SKILL.md": "---\nname: notes\n---\n" }],
  ["whose front matter is no YAML", /no YAML/, { "SKILL.md": "---\nname: [\n---\n" }],
  ["whose front matter is a bomb", /no YAML/, { "SKILL.md": "---\na: &a [x]\nb: [*a, *a]\n---\n" }],
  ["that is not UTF-8", /not UTF-8/, { "SKILL.md": Uint8Array.of(0xff, 0xfe) }],
  ["whose names differ in case", /letter case/, { "SKILL.md": SKILL_MD, "Docs/a": "1", "docs/A": "2" }],
];

it.each(BAD_FOLDERS)("refuses a folder %s, and sends nothing", async (_, words, files) => {
  write(files);

  expect(await world.run("skill", "push", "notes")).toBe(2);

  expect(world.stderr()).toMatch(words);
  expect(backend.sent).toBe(0);
});

it("refuses a link in a folder, to a file and to a folder", async () => {
  write({ "SKILL.md": SKILL_MD });
  symlinkSync("/etc/hostname", join(world.home, "notes/link"));

  expect(await world.run("skill", "push", "notes")).toBe(2);

  expect(world.stderr()).toContain("notes/link: is a link");
  expect(backend.sent).toBe(0);
});

it("refuses a file of 1 GB before it is read", async () => {
  write({ "SKILL.md": SKILL_MD, large: "" });
  truncateSync(join(world.home, "notes/large"), 2 ** 30);

  expect(await world.run("skill", "push", "notes")).toBe(2);

  expect(world.stderr()).toContain("large is larger than 16 MiB");
});

it("refuses more than 1,000 files", async () => {
  write({ "SKILL.md": SKILL_MD });
  for (let count = 0; count < 1_000; count++) writeFileSync(join(world.home, `notes/f${count}`), "");

  expect(await world.run("skill", "push", "notes")).toBe(2);

  expect(world.stderr()).toContain("more than 1000 files");
});

it("refuses a source that is not there", async () => {
  expect(await world.run("skill", "push", "nowhere")).toBe(2);

  expect(world.stderr()).toContain("nowhere: no such folder or file");
});

it("pulls what was pushed, and shows it", async () => {
  const files = { "SKILL.md": SKILL_MD, "docs/a.bin": Uint8Array.of(0, 1, 255), "docs/empty": "" };
  write(files);
  await world.run("skill", "push", "notes");

  expect(await world.run("skill", "pull", "notes", "copy")).toBe(0);
  await world.run("skill", "show", "notes");

  const names = readdirSync(join(world.home, "copy"), { recursive: true });
  expect(names.map(String).sort()).toEqual(["SKILL.md", "docs", "docs/a.bin", "docs/empty"]);
  for (const [path, content] of Object.entries(files))
    expect(readFileSync(join(world.home, "copy", path))).toEqual(Buffer.from(content as string));
  expect(world.stdout()).toContain("How release notes are written.");
  expect(world.stdout()).toContain("# Notes");
});

it("pulls into no folder that holds something", async () => {
  write({ "SKILL.md": SKILL_MD });
  await world.run("skill", "push", "notes");

  expect(await world.run("skill", "pull", "notes", "notes")).toBe(1);

  expect(world.stderr()).toContain("the folder is not empty");
});

it.each(["../evil", "/evil", "a/../../evil", "..\\evil"])(
  "writes nothing of a skill with the path %s",
  async (path) => {
    write({ "SKILL.md": SKILL_MD });
    await world.run("skill", "push", "notes");
    const digest = [...backend.blobs.keys()][0] ?? "";
    backend.skills.get("notes")?.spec?.files.push(create(SkillFileSchema, { path, digest }));

    expect(await world.run("skill", "pull", "notes", "copy")).toBe(1);

    expect(world.stderr()).toContain("would leave the folder");
    expect(readdirSync(world.home)).toEqual(["notes"]);
  },
);

it("keeps nothing of a file whose content is not what its digest says", async () => {
  write({ "SKILL.md": SKILL_MD });
  await world.run("skill", "push", "notes");
  for (const digest of backend.blobs.keys()) backend.blobs.set(digest, Buffer.alloc(SKILL_MD.length));

  expect(await world.run("skill", "pull", "notes", "copy")).toBe(1);

  expect(world.stderr()).toContain("is damaged");
  expect(readdirSync(join(world.home, "copy"))).toEqual([]);
});

it("lets nothing of a skill draw on the terminal", async () => {
  write({ "SKILL.md": `${SKILL_MD}\u001b[2J` });
  await world.run("skill", "push", "notes");

  await world.run("skill", "show", "notes");

  expect(world.stdout()).not.toContain("\u001b");
});

function write(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(world.home, "notes", path)), { recursive: true });
    writeFileSync(join(world.home, "notes", path), content);
  }
}

function zip(...members: readonly ZipMember[]): void {
  writeFileSync(join(world.home, "skill.zip"), zipOf(...members));
}
