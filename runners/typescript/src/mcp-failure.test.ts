import { InsufficientScopeError } from "@modelcontextprotocol/client";
import { expect, it } from "vitest";
import { createMasker } from "./masker.ts";
import { mcpFailure } from "./mcp-failure.ts";

const SECRET = "s3cret-12345678";
const context = {
  ...{ server: "files", doing: "it was started", timeoutMs: 1_000, account: "" },
  masker: createMasker([SECRET]),
};

it.each<[string, (text: string) => Error]>([
  ["what went wrong", (text) => new Error(text)],
  ["what went wrong in the system", (text) => Object.assign(new Error(text), { code: "EIO" })],
  ["the scopes that are missing", (text) => new InsufficientScopeError({ requiredScope: text })],
])("shows no half of a secret that a cut goes through, in %s", (_, errorOf) => {
  const { message } = mcpFailure(errorOf(`${"x".repeat(492)}${SECRET}`), context);

  expect(message).toContain("x***");
  expect(message).not.toContain("s3cret");
});
