import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import { expect, it } from "vitest";
import { createFakeContext } from "./call-context.fake.ts";
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
