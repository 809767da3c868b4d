import { create } from "@bufbuild/protobuf";
import {
  AttachmentSchema,
  type PinnedSkill,
  type SkillFile,
  type ToolDefinition,
  ToolDefinitionSchema,
  type ToolResult,
  ToolResultSchema,
} from "@stigmer/contracts/agentic";
import type { Verdict } from "@stigmer/execution";
import { canonicalJson, type Json, textDigest } from "@stigmer/resource";
import type { BlobKey, Blobs } from "@stigmer/store";
import type { AskedCall } from "./asked-call.ts";
import { finished } from "./dispatch.ts";
import { decoded, withoutFrontMatter } from "./skill-text.ts";

const BODY = "SKILL.md";
/** Most text of one answer; a model reads on from where it ends. */
const MAX_TEXT_BYTES = 256 * 1024;
/** No `SKILL.md` is larger. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_NAMES = 200;

const SCHEMA = {
  type: "object",
  properties: {
    skill: { type: "string", description: "Name of the skill." },
    path: { type: "string", description: `A file of the skill; ${BODY} where absent.` },
    offset: { type: "integer", minimum: 0, description: "Byte to begin at, where an answer before was cut." },
  },
  required: ["skill"],
  additionalProperties: false,
};

/** The tool by which an agent reads its skills. */
export function readSkillTool(): ToolDefinition {
  const said = {
    tool: "read_skill",
    description: `Read a skill: its instructions, or with a path one of the files that they refer to.`,
    inputSchema: JSON.stringify(SCHEMA),
    annotations: JSON.stringify({ readOnlyHint: true }),
  };
  return create(ToolDefinitionSchema, { ...said, name: said.tool, digest: textDigest(canonicalJson(said)) });
}

type Reading = {
  readonly blobs: Pick<Blobs, "read">;
  readonly asked: AskedCall;
  readonly skills: readonly PinnedSkill[];
  readonly value: Record<string, Json>;
};

/** Answers at once, out of the skill as it was when the execution began. */
export async function readSkill(reading: Reading): Promise<Verdict> {
  const { asked } = reading;
  const result = create(ToolResultSchema, { callId: asked.call.id, ...(await answerTo(reading)) });
  return { kind: "settle", outcome: finished(asked, result, 0) };
}

type Answer = Pick<ToolResult, "content"> & Partial<Pick<ToolResult, "isError" | "attachments">>;

async function answerTo({ blobs, asked, skills, value }: Reading): Promise<Answer> {
  const skill = skills.find(({ name }) => name === value.skill);
  if (!skill)
    return wrong(
      `there is no skill ${JSON.stringify(value.skill)}; the skills are: ${listed(skills.map(({ name }) => name))}`,
    );
  const path = typeof value.path === "string" ? value.path.replace(/^(\.?\/)+/, "") : "";
  const file = skill.files.find((one) => one.path === (path || BODY));
  if (!file) return wrong(`the skill has no file ${JSON.stringify(path)}; its files are: ${listed(pathsOf(skill))}`);
  const key = { tenant: asked.org, digest: file.digest };
  const offset = Number(value.offset ?? 0);
  if (file.path !== BODY) return await fileAnswer(blobs, { key, file, offset });
  const { bytes } = await blobs.read(key, { offset: 0, limit: MAX_BODY_BYTES });
  const body = withoutFrontMatter(bytes);
  const others = pathsOf(skill).filter((one) => one !== BODY);
  const more = others.length > 0 ? `\n\n[files of this skill: ${listed(others)}]` : "";
  const cut = cutText(body.subarray(offset, offset + MAX_TEXT_BYTES), { offset, size: body.length });
  return cut === undefined ? wrong(`${BODY} is no text`) : { content: cut + more };
}

type Part = { readonly key: BlobKey; readonly file: SkillFile; readonly offset: number };

async function fileAnswer(blobs: Pick<Blobs, "read">, { key, file, offset }: Part): Promise<Answer> {
  const { bytes, size } = await blobs.read(key, { offset, limit: MAX_TEXT_BYTES });
  const content = cutText(bytes, { offset, size });
  if (content !== undefined) return { content };
  const name = file.path.split("/").at(-1) ?? file.path;
  const mediaType = MEDIA_TYPES[name.split(".").at(-1)?.toLowerCase() ?? ""];
  if (!mediaType) return wrong(`${file.path} is neither text nor an image: ${size} bytes that can't be shown`);
  const attachment = create(AttachmentSchema, { name, mediaType, digest: file.digest, size: file.size });
  return { content: `${file.path} is attached`, attachments: [attachment] };
}

/** What of binary files models can look at. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  pdf: "application/pdf",
};

/** The text, and where to read on if that is not all; undefined where it is no text. */
function cutText(bytes: Uint8Array, { offset, size }: { readonly offset: number; readonly size: number }) {
  const found = decoded(bytes, { isStart: offset === 0, isEnd: offset + bytes.length >= size });
  if (!found) return undefined;
  const next = offset + found.end;
  if (next >= size) return found.text;
  return `${found.text}\n\n[cut after byte ${next} of ${size}; read on with offset ${next}]`;
}

function pathsOf({ files }: PinnedSkill): readonly string[] {
  return files.map(({ path }) => path);
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function wrong(content: string): Answer {
  return { content, isError: true };
}
