import { createHash } from "node:crypto";
import { isFault, uploadContent } from "@stigmer/client";
import type { LightClient } from "@stigmer/client/light";
import { type Skill, SkillCommandController, SkillQueryController, SkillSchema } from "@stigmer/contracts/agentic";
import { BlobQueryController } from "@stigmer/contracts/platform";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";
import { type LocalSkill, readSkill } from "../skill/read-skill.ts";

export type PushOptions = GlobalOptions & { readonly source: string; readonly tag?: string };

type Content = { readonly path: string; readonly digest: string; readonly bytes: Uint8Array };

/** Sends what the backend does not have, and makes it the newest version of the skill; one that is the newest already changes nothing. */
export async function push(deps: Deps, options: PushOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  const local = await readSkill(deps, options.source);
  await using backend = await openBackend(deps, options);
  const client = backend.client();
  const contents = local.files.map(({ path, bytes }) => ({ path, digest: digestOf(bytes), bytes }));
  await upload(deps, client, { org: backend.org, contents });
  const { skill, word } = await store(deps, client, { org: backend.org, local, contents });
  const { tag } = options;
  const id = skill.metadata?.id ?? "";
  const revision = skill.status?.revision ?? "";
  if (tag) await client.service(SkillCommandController).tag({ id, tag, revision }, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, SkillSchema, skill, format);
  const name = `skill/${local.name}`;
  const said = format === "name" ? name : `${name} ${word} ${revision}${tag ? ` as ${tag}` : ""}`;
  await deps.stdout.write(`${printableLine(said)}\n`);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

type Uploading = { readonly org: string; readonly contents: readonly Content[] };

async function upload(deps: Deps, client: LightClient, { org, contents }: Uploading): Promise<void> {
  const digests = [...new Set(contents.map(({ digest }) => digest))];
  const { blobs } = await client.service(BlobQueryController).stat({ org, digests }, { signal: deps.interrupt });
  const missing = new Set(blobs.filter(({ complete }) => !complete).map(({ digest }) => digest));
  for (const { digest, bytes } of contents) {
    if (!missing.delete(digest)) continue;
    const slice = (offset: number, length: number) => bytes.subarray(offset, offset + length);
    await uploadContent(client, { digest, size: bytes.length, slice }, { org, signal: deps.interrupt });
  }
}

type Storing = Uploading & { readonly local: LocalSkill };

async function store(
  deps: Deps,
  client: LightClient,
  { org, local, contents }: Storing,
): Promise<{ readonly skill: Skill; readonly word: string }> {
  const { name, description } = local;
  const files = contents.map(({ path, digest, bytes }) => ({ path, digest, size: BigInt(bytes.length) }));
  const spec = { description, files };
  const call = { signal: deps.interrupt };
  const commands = client.service(SkillCommandController);
  const before = await newest(deps, client, { org, name });
  if (!before?.metadata)
    return { skill: await commands.create({ metadata: { name, org }, spec }, call), word: "created" };
  const skill = await commands.update({ metadata: before.metadata, spec }, call);
  return { skill, word: skill.status?.revision === before.status?.revision ? "unchanged" : "updated" };
}

async function newest(
  deps: Deps,
  client: LightClient,
  reference: { readonly org: string; readonly name: string },
): Promise<Skill | undefined> {
  try {
    return await client.service(SkillQueryController).getByReference(reference, { signal: deps.interrupt });
  } catch (error) {
    if (isFault(error, "RESOURCE_NOT_FOUND")) return undefined;
    throw error;
  }
}
