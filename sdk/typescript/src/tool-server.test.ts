import { create } from "@bufbuild/protobuf";
import { StartServerSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { toolServerOf } from "./tool-server.ts";

const names = { sessionId: "ses_1", name: "fs", revision: "r1", workspace: "/w" };

it("reads a server that is a process", () => {
  const start = create(StartServerSchema, {
    ...names,
    spec: {
      transport: { case: "stdio", value: { command: "npx", args: ["-y", "fs"], env: { A: "1" } } },
      callTimeout: { seconds: 1n, nanos: 500_000_000 },
    },
  });

  const transport = { kind: "stdio", command: "npx", args: ["-y", "fs"], env: { A: "1" } };
  expect(toolServerOf(start)).toEqual({ ...names, transport, callTimeoutMs: 1_500 });
});

it("reads a server behind a URL, with a minute for each call unless told", () => {
  const start = create(StartServerSchema, {
    ...names,
    spec: { transport: { case: "http", value: { url: "http://h/mcp", headers: { A: "1" } } } },
  });

  const transport = { kind: "http", url: "http://h/mcp", headers: { A: "1" } };
  expect(toolServerOf(start)).toEqual({ ...names, transport, callTimeoutMs: 60_000 });
});

it("refuses one whose transport it does not know, before anything starts", () => {
  const start = create(StartServerSchema, names);

  expect(() => toolServerOf(start)).toThrow(expect.objectContaining({ reason: "INVALID_REQUEST", notStarted: true }));
});
