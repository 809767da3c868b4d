import { createHash } from "node:crypto";
import type { ToolAnswer, ToolCallContext, ToolHost, ToolListing, ToolServer } from "@stigmer/sdk";

/** One server, as the backend would have it driven. */
export interface Session {
  readonly url: string;
  /** From now on the server is called on behalf of somebody who has signed in. */
  signedIn(accessToken: string): void;
  tools(): Promise<readonly ToolListing[]>;
  call(tool: string, args?: unknown): Promise<ToolAnswer>;
}

export function withHost(host: ToolHost, server: ToolServer): Session {
  let accessToken = "";
  const current = (): ToolServer => ({ ...server, accessToken });
  return {
    url: server.transport.kind === "http" ? server.transport.url : "",
    signedIn: (token) => {
      accessToken = token;
    },
    tools: () => host.start(current()),
    call: (tool, args = {}) =>
      host.call(current(), { tool, arguments: JSON.stringify(args), idempotencyKey: `key-${tool}` }, context()),
  };
}

/** A person who agrees to everything, and leaves every field of a form as it is unless it asks for a yes. */
function context(): ToolCallContext {
  return {
    signal: AbortSignal.timeout(25_000),
    elicit: async (question) => {
      const content = question.kind === "form" && question.schema.includes('"confirmed"') ? '{"confirmed":true}' : "";
      return { action: "accept", content };
    },
    progress: () => {},
    saveBlob: async (content) => `sha256:${createHash("sha256").update(content).digest("hex")}`,
  };
}
