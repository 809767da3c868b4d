import type { Client, Tool } from "@modelcontextprotocol/client";
import type { ToolListing } from "@stigmer/sdk";
import { headerFault } from "./parameter-headers.ts";

export type ToolListOptions = {
  readonly timeoutMs: number;
  /** Told of a tool that is left out, and why. */
  readonly onLeftOut: (tool: string, why: string) => void;
};

const MOST_TOOLS = 1_024;
const MOST_PAGES = 1_024;
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** The tools of a server, from all the pages of its list. Refuses a list without end, and two tools of one name. */
export async function readTools(client: Client, { timeoutMs, onLeftOut }: ToolListOptions): Promise<Tool[]> {
  if (!client.getServerCapabilities()?.tools) return [];
  const options = { timeout: timeoutMs, signal: AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs))) };
  const tools = new Map<string, Tool>();
  let cursor: string | undefined;
  let characters = 0;
  for (let page = 0; page < MOST_PAGES; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await client.request({ method: "tools/list", params }, options);
    for (const tool of answer.tools) {
      if (tools.has(tool.name)) throw new Error(`it lists two tools named ${JSON.stringify(tool.name)}`);
      tools.set(tool.name, tool);
    }
    characters += JSON.stringify(answer.tools).length;
    if (tools.size > MOST_TOOLS) throw new Error(`it has more than ${MOST_TOOLS} tools`);
    if (characters > MOST_CHARACTERS) throw new Error("the list of its tools is larger than 16 MiB");
    cursor = answer.nextCursor;
    if (cursor === undefined) return callable(client, [...tools.values()], onLeftOut);
  }
  throw new Error(`it lists its tools on more than ${MOST_PAGES} pages`);
}

/** In the newer protocol over HTTP arguments may stand in headers; a tool that misuses them must not be called. */
function callable(client: Client, tools: Tool[], onLeftOut: ToolListOptions["onLeftOut"]): Tool[] {
  if (client.getProtocolEra() !== "modern" || client.transport?.hasPerRequestStream !== true) return tools;
  return tools.filter(({ name, inputSchema }) => {
    const fault = headerFault(inputSchema);
    if (fault) onLeftOut(name, fault);
    return fault === undefined;
  });
}

export function listingOf({ name, description, inputSchema, annotations }: Tool): ToolListing {
  return {
    tool: name,
    description: description ?? "",
    inputSchema: JSON.stringify(inputSchema),
    annotations: annotations ? JSON.stringify(annotations) : "",
  };
}

export function isSameListing(a: ToolListing, b: ToolListing): boolean {
  return (
    a.tool === b.tool &&
    a.description === b.description &&
    a.inputSchema === b.inputSchema &&
    a.annotations === b.annotations
  );
}
