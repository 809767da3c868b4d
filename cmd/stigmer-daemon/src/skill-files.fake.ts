import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Client, uploadBlob } from "@stigmer/client";
import { type Skill, SkillCommandController, type SkillFileSchema, SkillSchema } from "@stigmer/contracts/agentic";

export type Files = Readonly<Record<string, string | Uint8Array>>;

export const DESCRIPTION = "How release notes are written.";

/** A `SKILL.md` with front matter. */
export function skillMd(name: string, body = "# Notes\n", description = DESCRIPTION): string {
  return `---\nname: ${name}\ndescription: ${description}\n---\n${body}`;
}

/** Uploads the contents, and answers with what a spec says of them. */
export async function uploadFiles(client: Client, files: Files): Promise<MessageInitShape<typeof SkillFileSchema>[]> {
  const uploads = Object.entries(files).map(async ([path, content]) => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const { digest, size } = await uploadBlob(client, bytes);
    return { path, digest, size: BigInt(size) };
  });
  return await Promise.all(uploads);
}

/** Makes a skill of these files. */
export async function createSkill(client: Client, name: string, files: Files): Promise<Skill> {
  const spec = { description: DESCRIPTION, files: await uploadFiles(client, files) };
  return await client.service(SkillCommandController).create(create(SkillSchema, { metadata: { name }, spec }));
}
