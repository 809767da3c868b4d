import { InsufficientScopeError } from "@modelcontextprotocol/client";
import { expect, it } from "vitest";
import { createMasker } from "./masker.ts";
import { mcpFailure } from "./mcp-failure.ts";

const SECRET = "s3cret-12345678";
const OTHERS = ["a", "b", "c", "d"].map((one) => one.repeat(121)).join(" ");
const context = {
  ...{ server: "files", doing: "it was started", timeoutMs: 1_000, account: "" },
  masker: createMasker([SECRET]),
};

it.each<[string, (text: string) => Error]>([
  ["what went wrong", (text) => new Error(text)],
  ["what went wrong in the system", (text) => Object.assign(new Error(text), { code: "EIO" })],
  // A scope is shorter than that, so that it takes some.
  [
    "the scopes that are missing",
    (text) => new InsufficientScopeError({ requiredScope: `${OTHERS} ${text.slice(490)}` }),
  ],
])("shows no half of a secret that a cut goes through, in %s", (_, errorOf) => {
  const { message } = mcpFailure(errorOf(`${"x".repeat(492)}${SECRET}`), context);

  expect(message).toContain("x***");
  expect(message).not.toContain("s3cret");
});
