import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import { expect, it } from "vitest";
import { createFakeContext } from "./call-context.fake.ts";
import { createMasker } from "./masker.ts";
import { answerOf } from "./tool-answer.ts";

const result = (content: ContentBlock[], more: Partial<CallToolResult> = {}): CallToolResult => ({ content, ...more });
const read = (of: CallToolResult) => answerOf(of, createFakeContext().saveBlob);
const image: ContentBlock = { type: "image", mimeType: "image/png", data: "AAAA" };

it.each<[string, ContentBlock[], string]>([
  ["no content", [], ""],
  [
    "texts",
    [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ],
    "a\nb",
  ],
  ["a link", [{ type: "resource_link", uri: "file:///a", name: "a" }], "[resource file:///a]"],
  ["a text file", [{ type: "resource", resource: { uri: "file:///a", text: "hi" } }], "hi"],
])("reads %s", async (_, content, text) => {
  expect(await read(result(content))).toEqual({ content: text, isError: false });
});

it.each<[string, ContentBlock, string, object]>([
  ["an image", image, "[image image/png, 3 bytes, attached as image-1.png]", { mediaType: "image/png", size: 3n }],
  [
    "sound",
    { type: "audio", mimeType: "Audio/WAV; rate=1", data: "AAA=" },
    "[audio Audio/WAV; rate=1, 2 bytes, attached as audio-1.wav]",
    { name: "audio-1.wav", mediaType: "audio/wav", size: 2n },
  ],
  [
    "a file",
    { type: "resource", resource: { uri: "file:///w/report.pdf?v=2", mimeType: "application/pdf", blob: "AA==" } },
    "[resource file:///w/report.pdf?v=2 application/pdf, 1 bytes, attached as report.pdf]",
    { name: "report.pdf", mediaType: "application/pdf", size: 1n },
  ],
  [
    "a file of a kind that is none",
    { type: "resource", resource: { uri: "x:\\..\\..", mimeType: "../../evil", blob: "" } },
    "[resource x:\\..\\.. ../../evil, 0 bytes, attached as resource-1]",
    { name: "resource-1", mediaType: "application/octet-stream", size: 0n },
  ],
])("attaches %s", async (_, block, content, attachment) => {
  const answer = await read(result([block]));

  expect(answer.content).toBe(content);
  expect(answer.attachments).toMatchObject([{ digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), ...attachment }]);
});

it("says nothing again of a file that structured content holds too", async () => {
  const structuredContent = { content: [{ type: "image", mimeType: "image/png", data: "AAAA" }] };

  const { content, attachments } = await read(result([image], { structuredContent }));

  expect(content).toBe("[image image/png, 3 bytes, attached as image-1.png]");
  expect(attachments).toHaveLength(1);
});

it("attaches 64 files and says that there were more", async () => {
  const { content, attachments } = await read(result(Array(70).fill(image)));

  expect(attachments).toHaveLength(64);
  expect(content.match(/left out/g)).toHaveLength(6);
});

it("answers all the same where a file can't be saved, as the effect has been made", async () => {
  const answer = await answerOf(result([{ type: "text", text: "done" }, image]), () =>
    Promise.reject(new Error("full")),
  );

  expect(answer).toEqual({ content: "done\n[image image/png, 3 bytes, could not be saved]", isError: false });
});

it("reads structured content where there is no text", async () => {
  const structuredContent = { total: 3 };

  expect((await read(result([], { structuredContent }))).content).toBe('{"total":3}');
  expect((await read(result([image], { structuredContent }))).content).toMatch(/^\[image.*\]\n\{"total":3\}$/);
  expect((await read(result([{ type: "text", text: "three" }], { structuredContent }))).content).toBe("three");
});

it("says what the tool says of errors", async () => {
  expect((await read(result([{ type: "text", text: "no" }], { isError: true }))).isError).toBe(true);
});

it.each([
  ["x", 1024 * 1024, false],
  ["x", 1024 * 1024 + 1, true],
  ["é", 512 * 1024 + 1, true],
])("refuses more than 1 MiB: %s", async (letter, count, isError) => {
  expect((await read(result([{ type: "text", text: letter.repeat(count) }]))).isError).toBe(isError);
});

it("reads a text that is no Unicode", async () => {
  expect((await read(result([{ type: "text", text: "a\ud800b" }]))).content).toBe("a\ufffdb");
});

const readWithout = (secrets: string[], of: CallToolResult) =>
  answerOf(of, createFakeContext().saveBlob, createMasker(secrets));
const fileAt = (uri: string, mimeType = "text/plain"): ContentBlock => {
  return { type: "resource", resource: { uri, mimeType, blob: "AA==" } };
};

it.each<[string, ContentBlock, string]>([
  ["in a file's name", fileAt("file:///w/my-s3cret-key.txt"), "my-***.txt"],
  ["cut by a path", fileAt("https://h/s3cret/key-1.txt"), "***.txt"],
  ["cut by the longest name", fileAt(`file:///w/${"x".repeat(250)}s3cret-key`), `${"x".repeat(250)}***`],
  ["in a name that leaves characters out", fileAt("file:///w/s3c:ret-key.txt"), "***.txt"],
  ["in a media type", fileAt("", "text/s3cret.key"), "resource-1"],
])("keeps a secret out of an attachment: %s", async (_, block, name) => {
  const { attachments } = await readWithout(["s3cret-key", "s3cret/key-1", "s3cret.key"], result([block]));

  expect(attachments).toMatchObject([{ name, mediaType: expect.not.stringContaining("s3cret") }]);
});

it.each<[string, CallToolResult, string]>([
  ["a text", result([{ type: "text", text: "it is s3cret-key" }]), "it is ***"],
  ["a link", result([{ type: "resource_link", uri: "file:///s3cret-key", name: "a" }]), "[resource file:///***]"],
  ["a text file", result([{ type: "resource", resource: { uri: "file:///a", text: "s3cret-key" } }]), "***"],
  ["structured content", result([], { structuredContent: { key: "s3cret-key" } }), '{"key":"***"}'],
])("keeps a secret out of %s", async (_, of, content) => {
  expect((await readWithout(["s3cret-key"], of)).content).toBe(content);
});

it.each<[string, string, object, unknown]>([
  ["a number", "12345678", { id: 12345678, next: [true, null, 1] }, { id: "***", next: [true, null, 1] }],
  ["what a quote is written like", "abcdefg\\", { a: 'abcdefg"', b: 1 }, '{"a":"***"","b":1}'],
  ["several values", '1,"b":2', { a: 1, b: 2 }, '{"a":***}'],
])("leaves JSON that is JSON still where a secret is %s", async (_, secret, structuredContent, shown) => {
  const structured = await readWithout([secret], result([], { structuredContent }));
  const text = JSON.stringify(structuredContent);
  const written = await readWithout([secret], result([{ type: "text", text }]));

  expect(JSON.parse(structured.content)).toEqual(shown);
  expect(written.content).toBe(structured.content);
});

it("answers with no secret where JSON is nested too deep to be walked", async () => {
  const text = `${"[".repeat(100_000)}12345678${"]".repeat(100_000)}`;

  const { content } = await readWithout(["12345678"], result([{ type: "text", text }]));

  expect(content).toContain("[***]");
});
