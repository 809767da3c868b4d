import type { ToolHost } from "@stigmer/sdk";

/** A host of one tool, which answers at once and says nothing of itself, so that a person is asked before each call. */
export function createToolHost(called: () => void): ToolHost {
  return {
    start: async () => [{ tool: "act", description: "acts", inputSchema: '{"type":"object"}', annotations: "" }],
    async call() {
      called();
      return { content: "done", isError: false };
    },
    stop: async () => {},
    close: async () => {},
  };
}
