// An MCP server with a notebook: one file, `notes.md`, in the folder in which it is started.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const FILE = "notes.md";
const IDEMPOTENCY_KEY = "stigmer.ai/idempotency-key";

const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");

/**
 * Adds a line, unless the call that `key` names has added it before. The file is replaced in one step, so that two tries
 * of one call can't both add.
 */
function append(text, key) {
  const marker = `<!-- ${key} -->`;
  const before = read(FILE);
  if (before.includes(marker)) return false;
  const draft = `${FILE}.${process.pid}.tmp`;
  writeFileSync(draft, `${before}- ${text} ${marker}\n`);
  renameSync(draft, FILE);
  return true;
}

serveStdio(() => {
  const server = new McpServer({ name: "notes", version: "1.0.0" });
  server.registerTool(
    "read_notes",
    { description: "Reads the notebook.", inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    () => ({ content: [{ type: "text", text: read(FILE) || "the notebook is empty" }] }),
  );
  server.registerTool(
    "append_note",
    {
      description: "Writes one line at the end of the notebook.",
      inputSchema: z.object({ text: z.string().min(1).describe("the line") }),
      annotations: { destructiveHint: true, idempotentHint: true },
    },
    ({ text }, context) => {
      const key = context.mcpReq._meta?.[IDEMPOTENCY_KEY] ?? crypto.randomUUID();
      const added = append(text, key);
      return { content: [{ type: "text", text: added ? `wrote to ${FILE}` : `${FILE} has this note already` }] };
    },
  );
  return server;
});
