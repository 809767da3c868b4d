import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import type { ToolAnswer, ToolAttachment } from "@stigmer/sdk";
import { maskedText } from "./masked-text.ts";
import { createMasker, type Masker } from "./masker.ts";

const LONGEST_RESULT_BYTES = 1024 * 1024;
const MOST_ATTACHMENTS = 64;
const LONGEST_NAME = 255;
const MEDIA_TYPE = /^[a-z]+\/[a-z0-9.+-]{1,100}$/;

/** Stores a content, and answers with its digest. */
export type SaveBlob = (content: Uint8Array) => Promise<string>;

/**
 * What the model reads of a tool's result, without secrets: its texts, and a description of everything else, whose content is saved and
 * attached.
 * Structured content counts where there is no text, and where it does not say again what is attached: a server says the same in both.
 */
export async function answerOf(
  result: CallToolResult,
  saveBlob: SaveBlob,
  masker: Masker = createMasker([]),
): Promise<ToolAnswer> {
  const { content } = result;
  const structured = structuredTextOf(result);
  const attachments: ToolAttachment[] = [];
  const texts: string[] = [];
  for (const block of content) texts.push(await textOfBlock(block, { attachments, saveBlob, masker }));
  if (structured !== undefined) texts.push(structured);
  const text = texts.map((one) => maskedText(one.toWellFormed(), masker)).join("\n");
  const bytes = Buffer.byteLength(text);
  if (bytes > LONGEST_RESULT_BYTES) {
    return { content: `result of ${bytes} bytes is larger than 1 MiB`, isError: true };
  }
  return { content: text, isError: result.isError ?? false, ...(attachments.length > 0 && { attachments }) };
}

function structuredTextOf({ content, structuredContent }: CallToolResult): string | undefined {
  if (structuredContent === undefined || content.some(({ type }) => type === "text")) return undefined;
  const text = JSON.stringify(structuredContent);
  return content.some((block) => "data" in block && block.data !== "" && text.includes(block.data)) ? undefined : text;
}

type Saving = {
  readonly attachments: ToolAttachment[];
  readonly saveBlob: SaveBlob;
  readonly masker: Masker;
};

async function textOfBlock(block: ContentBlock, saving: Saving): Promise<string> {
  switch (block.type) {
    case "text":
      return block.text;
    case "image":
    case "audio":
      return await attach({ what: block.type, mimeType: block.mimeType, data: block.data, name: "" }, saving);
    case "resource_link":
      return `[resource ${block.uri}]`;
    case "resource": {
      const { resource } = block;
      if ("text" in resource) return resource.text;
      const { uri, mimeType, blob: data } = resource;
      return await attach({ what: `resource ${uri}`, mimeType, data, name: lastOf(uri, saving.masker) }, saving);
    }
  }
}

type File = {
  readonly what: string;
  readonly mimeType: string | undefined;
  readonly data: string;
  /** Empty where it has none of its own. */
  readonly name: string;
};

/** Saves a file. A call whose file can't be saved has had its effect all the same, so that is only said. */
async function attach(file: File, { attachments, saveBlob, masker }: Saving): Promise<string> {
  const content = masker.maskContent(Buffer.from(file.data, "base64"));
  const mimeType = masker.mask(file.mimeType ?? "");
  const described = [file.what, mimeType].filter(Boolean).join(" ");
  if (!content) return `[${described}, left out: it holds a secret]`;
  if (attachments.length === MOST_ATTACHMENTS) return `[${described}, ${content.length} bytes, left out]`;
  try {
    const digest = await saveBlob(content);
    const [kind] = file.what.split(" ");
    const name = file.name || `${kind}-${attachments.length + 1}${extensionOf(mimeType)}`;
    const mediaType = mediaTypeOf(mimeType);
    attachments.push({ name, mediaType, digest, size: BigInt(content.length) });
    return `[${described}, ${content.length} bytes, attached as ${name}]`;
  } catch {
    return `[${described}, ${content.length} bytes, could not be saved]`;
  }
}

function mediaTypeOf(mimeType: string): string {
  const type = mimeType.split(";")[0]?.trim().toLowerCase() ?? "";
  return MEDIA_TYPE.test(type) ? type : "application/octet-stream";
}

function extensionOf(mimeType: string): string {
  const subtype = mediaTypeOf(mimeType).split("/")[1] ?? "";
  return /^[a-z0-9]{1,8}$/.test(subtype) ? `.${subtype}` : "";
}

/** The last part of a URI, as a name that stands for no path. Neither what is cut off nor what is left out may hide a secret. */
function lastOf(uri: string, { mask }: Masker): string {
  const last =
    mask(uri)
      .replace(/[?#].*$/, "")
      .split(/[/\\]/)
      .findLast((part) => part !== "") ?? "";
  const name = mask([...last.toWellFormed()].filter((character) => character >= " " && character !== ":").join(""));
  return name === "." || name === ".." ? "" : name.slice(0, LONGEST_NAME).toWellFormed();
}
