import type { ToolQuestion } from "@stigmer/sdk";
import { expect, it } from "vitest";
import { questionOf, resultOf } from "./elicitation.ts";

const form = (properties: object): ToolQuestion => ({
  kind: "form",
  message: "?",
  schema: JSON.stringify({ properties }),
});

it.each([
  ["without words", { requestedSchema: {} }],
  ["without a form", { message: "?" }],
  ["with a form that is none", { message: "?", requestedSchema: [] }],
  ["with a form that is too long", { message: "?", requestedSchema: { description: "x".repeat(65_536) } }],
  ["of a kind that is not known", { message: "?", mode: "voice", requestedSchema: {} }],
  ["without its URL", { message: "?", mode: "url" }],
  ["with a URL that runs code", { message: "?", mode: "url", url: "javascript:alert(1)" }],
  ["with a URL of a file", { message: "?", mode: "url", url: "file:///etc/passwd" }],
  ["with a URL that names somebody", { message: "?", mode: "url", url: "https://bank.example@evil.example/" }],
  ["with a URL that is too long", { message: "?", mode: "url", url: `https://example.com/${"x".repeat(2_048)}` }],
])("refuses a question %s", (_, params) => {
  expect(() => questionOf(params)).toThrow();
});

it("fills in the defaults of what a person left out, and changes nothing that was filled in", () => {
  const question = form({
    name: { type: "string", default: "Ada" },
    age: { type: "integer", default: 36 },
    colours: { type: "array", default: ["red"] },
    odd: { default: { no: "value of a form" } },
  });

  const content = { name: "Grace", age: 36, colours: ["red"] };
  expect(resultOf(question, { action: "accept", content: '{"name":"Grace"}' })).toEqual({ action: "accept", content });
});

it.each(["not JSON", "[1]", '{"a":{"b":1}}', '{"a":null}'])(
  "takes no form for an answer that is none: %s",
  (content) => {
    expect(resultOf(form({}), { action: "accept", content })).toEqual({ action: "cancel" });
  },
);
