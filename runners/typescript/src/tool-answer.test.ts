import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import { expect, it } from "vitest";
import { answerOf } from "./tool-answer.ts";

const result = (content: ContentBlock[], more: Partial<CallToolResult> = {}): CallToolResult => ({ content, ...more });

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
  ["an image", [{ type: "image", mimeType: "image/png", data: "AAAA" }], "[image image/png, 3 bytes]"],
  ["sound", [{ type: "audio", mimeType: "audio/wav", data: "AAA=" }], "[audio audio/wav, 2 bytes]"],
  ["a link", [{ type: "resource_link", uri: "file:///a", name: "a" }], "[resource file:///a]"],
  ["a text file", [{ type: "resource", resource: { uri: "file:///a", text: "hi" } }], "hi"],
  ["a file", [{ type: "resource", resource: { uri: "file:///a", blob: "AA==" } }], "[resource file:///a, 1 bytes]"],
])("reads %s", (_, content, text) => {
  expect(answerOf(result(content))).toEqual({ content: text, isError: false });
});

it("reads structured content where there is no other", () => {
  const structuredContent = { total: 3 };

  expect(answerOf(result([], { structuredContent })).content).toBe('{"total":3}');
  expect(answerOf(result([{ type: "text", text: "three" }], { structuredContent })).content).toBe("three");
});

it("says what the tool says of errors", () => {
  expect(answerOf(result([{ type: "text", text: "no" }], { isError: true })).isError).toBe(true);
});

it.each([
  ["x", 1024 * 1024, false],
  ["x", 1024 * 1024 + 1, true],
  ["é", 512 * 1024 + 1, true],
])("refuses more than 1 MiB: %s", (letter, count, isError) => {
  expect(answerOf(result([{ type: "text", text: letter.repeat(count) }])).isError).toBe(isError);
});
