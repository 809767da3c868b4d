import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import type { ToolAnswer } from "@stigmer/sdk";

const LONGEST_RESULT_BYTES = 1024 * 1024;

/** What the model reads of a tool's result: its texts, and a description of everything else. */
export function answerOf(result: CallToolResult): ToolAnswer {
  const structured = result.structuredContent;
  const isOnlyStructured = result.content.length === 0 && structured !== undefined;
  const content = isOnlyStructured ? JSON.stringify(structured) : result.content.map(textOfBlock).join("\n");
  const bytes = Buffer.byteLength(content);
  if (bytes > LONGEST_RESULT_BYTES) {
    return { content: `result of ${bytes} bytes is larger than 1 MiB`, isError: true };
  }
  return { content, isError: result.isError ?? false };
}

function textOfBlock(block: ContentBlock): string {
  switch (block.type) {
    case "text":
      return block.text;
    case "image":
    case "audio":
      return describe(block.type, block.mimeType, base64Bytes(block.data));
    case "resource_link":
      return `[resource ${block.uri}]`;
    case "resource":
      return "text" in block.resource
        ? block.resource.text
        : describe(`resource ${block.resource.uri}`, block.resource.mimeType, base64Bytes(block.resource.blob));
  }
}

function describe(what: string, mimeType: string | undefined, bytes: number): string {
  return `[${[what, mimeType].filter(Boolean).join(" ")}, ${bytes} bytes]`;
}

function base64Bytes(data: string): number {
  return Buffer.byteLength(data, "base64");
}
