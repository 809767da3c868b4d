import { expect, it } from "vitest";
import { headerValues } from "./header-values.ts";

it("puts the values of variables where a header names them", () => {
  const headers = { Authorization: "Bearer ${TOKEN}", "X-Both": "${A}-${B}", "X-Plain": "$TOKEN {TOKEN}" };

  expect(headerValues(headers, { TOKEN: "t0ken", A: "1", B: "${A}" })).toEqual({
    Authorization: "Bearer t0ken",
    "X-Both": "1-${A}",
    "X-Plain": "$TOKEN {TOKEN}",
  });
});

it.each([
  ["has no value", {}, /header X needs the variable TOKEN, which has no value/],
  ["is only inherited", Object.create({ TOKEN: "t" }), /no value/],
  ["would begin another header", { TOKEN: "a\r\nB: c" }, /the variable TOKEN holds what no header may hold/],
])("refuses a variable that %s, without its value", (_, variables, message) => {
  expect(() => headerValues({ X: "${TOKEN}" }, variables)).toThrow(
    expect.objectContaining({
      reason: "TOOL_SERVER_FAILED",
      message: expect.stringMatching(message),
      notStarted: true,
    }),
  );
});
