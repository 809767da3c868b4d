import { expect, it } from "vitest";
import { kindsIndex } from "./kinds-index.ts";

const AGENT = { name: "agent", text: "export const agent = defineKind({});" };
const SERVER = { name: "mcp-server", text: 'import { x } from "y";\n\nexport const mcpServer = defineKind({});\n' };

it("lists every registration by the name of its file", () => {
  const index = kindsIndex(["McpServer", "Agent"], [SERVER, AGENT]);

  expect(index).toBe('export { agent } from "../src/agent.ts";\nexport { mcpServer } from "../src/mcp-server.ts";\n');
});

it("stops where a kind of the contract is not registered, and says what to write", () => {
  expect(() => kindsIndex(["Agent", "McpServer"], [AGENT])).toThrow(
    "the kind McpServer is not registered: write packages/kinds/src/mcp-server.ts",
  );
});

it("stops where a registration exports nothing, or something else", () => {
  const empty = { name: "agent", text: "defineKind({});\n// export const agent = 1" };

  expect(() => kindsIndex(["Agent"], [empty])).toThrow("agent.ts: exports no constant `agent`");
});

it("stops where a registration is of no kind", () => {
  expect(() => kindsIndex(["Agent"], [AGENT, SERVER])).toThrow("mcp-server.ts: the contract has no kind");
});

it("names everything that is wrong at once", () => {
  expect(() => kindsIndex(["Agent", "Session"], [])).toThrow(/agent\.ts[\s\S]*session\.ts/);
});
