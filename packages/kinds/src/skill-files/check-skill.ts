import { invalid, precondition, type Violation } from "@stigmer/base";
import type { Skill, SkillFile } from "@stigmer/contracts/agentic";
import type { HookContext } from "@stigmer/resource";
import { pathViolations } from "./check-paths.ts";
import { frontMatterOf } from "./front-matter.ts";

const MIB = 1024 * 1024;
const MAX_SKILL_BYTES = 32n * BigInt(MIB);
/** Largest `SKILL.md`: it is read into a model's context. */
const MAX_BODY_BYTES = 1 * MIB;

/**
 * Refuses a skill that can't be handed to an agent: too large, with paths that a file system would confuse, with blobs
 * that are not there, or with a `SKILL.md` whose front matter does not name it and describe it as the spec does.
 */
export async function checkSkill(next: Skill, { blobs }: Pick<HookContext, "blobs">): Promise<void> {
  const { metadata, spec } = next;
  if (!metadata || !spec) return;
  refuse([...sizeViolations(spec.files), ...pathViolations(spec.files)]);
  refuse(await blobViolations(blobs, metadata.org, spec.files));
  const at = spec.files.findIndex(({ path }) => path === "SKILL.md");
  const body = spec.files[at];
  if (!body) return;
  const { bytes } = await blobs.read(
    { tenant: metadata.org, digest: body.digest },
    { offset: 0, limit: MAX_BODY_BYTES },
  );
  refuse(bodyViolations(bytes, { at, name: metadata.name, description: spec.description }));
}

function sizeViolations(files: readonly SkillFile[]): readonly Violation[] {
  const total = files.reduce((sum, { size }) => sum + size, 0n);
  const body = files.findIndex(({ path, size }) => path === "SKILL.md" && size > MAX_BODY_BYTES);
  return [
    ...(total > MAX_SKILL_BYTES ? [{ field: "spec.files", description: "must be 32 MiB in all at most" }] : []),
    ...(body < 0 ? [] : [{ field: `spec.files[${body}].size`, description: "must be 1 MiB at most for SKILL.md" }]),
  ];
}

async function blobViolations(
  blobs: HookContext["blobs"],
  tenant: string,
  files: readonly SkillFile[],
): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  for (const [at, { path, digest, size }] of files.entries()) {
    const { complete, offset } = await blobs.stat({ tenant, digest });
    if (!complete) throw missing(path, digest);
    if (BigInt(offset) !== size)
      violations.push({ field: `spec.files[${at}].size`, description: `must be ${offset}, the size of the blob` });
  }
  return violations;
}

function missing(path: string, digest: string): Error {
  const message = `the content of ${path} is not there; upload the blob ${digest} first`;
  return precondition("BLOB_INCOMPLETE", { digest }, { message });
}

type Said = { readonly at: number; readonly name: string; readonly description: string };

function bodyViolations(bytes: Uint8Array, { at, name, description }: Said): readonly Violation[] {
  const field = `spec.files[${at}]`;
  const text = textOf(bytes);
  if (text === undefined) return [{ field, description: "SKILL.md must be UTF-8" }];
  const found = frontMatterOf(text);
  if ("problem" in found) return [{ field, description: `SKILL.md ${found.problem}` }];
  return [
    ...(isNamed(name, found.name)
      ? []
      : [{ field: "metadata.name", description: `must be "${found.name.slice(0, 64)}", as SKILL.md says` }]),
    ...(found.description === description
      ? []
      : [{ field: "spec.description", description: "must be what SKILL.md says, on one line" }]),
  ];
}

/** Whether a skill that calls itself so may have the name: `generate_name` appends five characters. */
function isNamed(name: string, called: string): boolean {
  return name === called || (name.startsWith(called) && /^-?[a-z0-9]{5}$/.test(name.slice(called.length)));
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function refuse(violations: readonly Violation[]): void {
  if (violations.length > 0) throw invalid(violations);
}
