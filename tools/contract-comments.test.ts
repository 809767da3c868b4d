import { create } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, it } from "vitest";
import { contractComments } from "./contract-comments.ts";
import { contractImage } from "./contract-image.ts";

it("finds the comment of every part by its full name", async () => {
  const comments = contractComments(await contractImage(`${import.meta.dirname}/..`));

  const starts = {
    "ai.stigmer.agentic.agent.v1.AgentSpec": "What an agent is.",
    "ai.stigmer.agentic.agent.v1.AgentSpec.model": "Model as `provider/model`",
    "ai.stigmer.agentic.agent.v1.AgentCommandController": "Changes agents.",
    "ai.stigmer.agentic.agent.v1.AgentCommandController.create": "Makes an agent",
    "ai.stigmer.agentic.mcpserver.v1.McpServerSpec.transport": "How messages travel.",
    "ai.stigmer.commons.apiresource.v1.Scope.SCOPE_PLATFORM": "Unique within the whole backend.",
    "ai.stigmer.commons.apiresource.v1.ApplyResponse.Action.ACTION_CREATED": "There was none of this name.",
    "ai.stigmer.commons.apiresource.v1.kind": "Marks a message as a resource kind.",
  };
  for (const [name, start] of Object.entries(starts)) expect(comments.get(name)).toContain(start);
});

it("joins the lines of a paragraph, and keeps paragraphs apart", () => {
  const comments = contractComments(setOf(" One\n line.\n\n And `another\n one`.\n"));

  expect(comments.get("ai.stigmer.test.Thing")).toBe("One line.\n\nAnd `another one`.");
});

it("leaves out what has no comment, and files that are not the contract's own", () => {
  expect(contractComments(setOf("")).size).toBe(0);
  expect(contractComments(setOf(" Something.\n", "google.rpc")).size).toBe(0);
});

function setOf(leadingComments: string, name = "ai.stigmer.test") {
  const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
    package: name,
    messageType: [{ name: "Thing" }],
    sourceCodeInfo: { location: [{ path: [4, 0], span: [0, 0, 0], leadingComments }] },
  });
  return create(FileDescriptorSetSchema, { file: [file] });
}
