import { create } from "@bufbuild/protobuf";
import { StartServerSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { toolServerOf } from "./tool-server.ts";

const names = { sessionId: "ses_1", name: "fs", revision: "r1", workspace: "/w" };
const noSecrets = { variables: {}, secretNames: [], accessToken: "" };

it("reads a server that is a process", () => {
  const start = create(StartServerSchema, {
    ...names,
    spec: {
      transport: { case: "stdio", value: { command: "npx", args: ["-y", "fs"], env: { A: "1" } } },
      callTimeout: { seconds: 1n, nanos: 500_000_000 },
      startTimeout: { seconds: 2n },
    },
  });

  const transport = { kind: "stdio", command: "npx", args: ["-y", "fs"], env: { A: "1" } };
  expect(toolServerOf(start)).toEqual({
    ...names,
    ...noSecrets,
    transport,
    callTimeoutMs: 1_500,
    startTimeoutMs: 2_000,
  });
});

it("reads a server behind a URL, with a minute for each call unless told", () => {
  const start = create(StartServerSchema, {
    ...names,
    spec: { transport: { case: "http", value: { url: "http://h/mcp", headers: { A: "1" } } } },
  });

  const transport = { kind: "http", url: "http://h/mcp", headers: { A: "1" } };
  expect(toolServerOf(start)).toEqual({
    ...names,
    ...noSecrets,
    transport,
    callTimeoutMs: 60_000,
    startTimeoutMs: 30_000,
  });
});

it("hands on the values of the variables that it declares, their defaults, and no others", () => {
  const start = create(StartServerSchema, {
    ...names,
    accessToken: "t0ken",
    spec: {
      transport: { case: "stdio", value: { command: "npx" } },
      variables: [
        { name: "TOKEN" },
        { name: "REGION", defaultValue: "eu" },
        { name: "EMPTY", defaultValue: "full" },
        { name: "ABSENT", optional: true },
      ],
    },
    variables: { TOKEN: "s3cret", EMPTY: "", STRANGER: "no" },
  });

  const variables = { TOKEN: "s3cret", REGION: "eu", EMPTY: "" };
  expect(toolServerOf(start)).toMatchObject({ variables, accessToken: "t0ken" });
  expect(toolServerOf(start).variables).toEqual(variables);
});

it("refuses one whose transport it does not know, before anything starts", () => {
  const start = create(StartServerSchema, names);

  expect(() => toolServerOf(start)).toThrow(expect.objectContaining({ reason: "INVALID_REQUEST", notStarted: true }));
});
