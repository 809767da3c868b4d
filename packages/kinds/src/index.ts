export { agent } from "./agent.ts";
export { agentExecution } from "./agent-execution.ts";
export { approval } from "./approval.ts";
export { mcpServer } from "./mcp-server.ts";
export { runner } from "./runner.ts";
export { session } from "./session.ts";
