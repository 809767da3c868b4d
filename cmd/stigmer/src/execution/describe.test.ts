import { create } from "@bufbuild/protobuf";
import { ApprovalCause, ApprovalSpecSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { entryResponse, journalOf } from "../backend.fake.ts";
import { paintFor } from "../output/paint.ts";
import { approvalText } from "./approval-text.ts";
import { advance, START } from "./cursor.ts";
import { indentJson } from "./describe.ts";
import { timelineLine } from "./timeline.ts";

const paint = paintFor({ isTTY: false, columns: 80, write: async () => {} }, {});

it.each([
  ['{"a":[1,{"b":"x"}],"c":{}}', '{\n  "a": [\n    1,\n    {\n      "b": "x"\n    }\n  ],\n  "c": {}\n}'],
  ['{"a":1,"a":2}', '{\n  "a": 1,\n  "a": 2\n}'],
  ["12345678901234567890", "12345678901234567890"],
  ['{"a":"{[,:]}\\""}', '{\n  "a": "{[,:]}\\""\n}'],
  [' {"a" : [ ] } ', '{\n  "a": [ ]\n}'],
  ["rm -rf / #", "rm -rf / #"],
  ['{"a":', '{"a":'],
  ["", ""],
])("indents %s and changes nothing else", (text, expected) => {
  expect(indentJson(text)).toBe(expected);
});

it("shows a whole question, and nothing in it that draws on the terminal", () => {
  const spec = create(ApprovalSpecSchema, {
    tool: "rm\x1b[1A",
    server: "files",
    arguments: `{"path":"a\u202eb","long":"${"x".repeat(5000)}"}`,
    cause: ApprovalCause.UNCERTAIN,
    toolDescription: "harmless\nreally",
  });

  const text = approvalText({ approvalId: "apr_1", spec }, { paint, now: 0 });

  expect(text).toContain("rm\\x1b[1A");
  expect(text).toContain("a\\u202eb");
  expect(text).toContain("x".repeat(5000));
  expect(text).toContain("harmless\\nreally");
  expect(text).toContain("EFFECT MAY HAVE HAPPENED");
});

it("writes a timeline for a person and for a program", () => {
  const [entry] = journalOf({
    stepKey: "turn/1/model",
    attempt: 1,
    event: {
      case: "modelCallFinished",
      value: {
        message: { parts: [{ part: { case: "text", value: "Hi\tthere" } }] },
        servedModel: "gpt-5",
        finishReason: 1,
        usage: { inputTokens: 3n, outputTokens: 2n },
        latencyMs: 8n,
      },
    },
  });
  const [item] = advance(START, entryResponse(entry as NonNullable<typeof entry>)).items;
  const what = 'model answered: "Hi\\tthere" (gpt-5, stop, 3 + 2 tokens, 8 ms)';

  const lines = [true, false].map((delimited) => item && timelineLine(item, { delimited }));

  expect(lines).toEqual([
    `2026-01-31T12:00:00.000Z\t1\tmodelCallFinished\t${what}\n`,
    `2026-01-31T12:00:00.000Z     1  ${what}\n`,
  ]);
});

it("names as many tools as a line takes, each whole, and counts the others", () => {
  const tools = Array.from({ length: 40 }, (_, at) => ({ name: `tool-number-${at}` }));
  const [entry] = journalOf({ event: { case: "toolsListed", value: { tools } } });
  const [item] = entry ? advance(START, entryResponse(entry)).items : [];

  const line = item ? timelineLine(item, { delimited: true }) : "";

  expect(line).toMatch(/tools read: tool-number-0, .*tool-number-\d and \d\d more\n$/);
});
