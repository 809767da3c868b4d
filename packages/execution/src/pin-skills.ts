import { create } from "@bufbuild/protobuf";
import { exhausted, invalid } from "@stigmer/base";
import { type PinnedSkill, PinnedSkillSchema, type Skill, type SkillUsage } from "@stigmer/contracts/agentic";
import { atRevision, fromRow, type PipelineDeps, type Resource } from "@stigmer/resource";
import { requireKind } from "./require-kind.ts";

/** Most files of all skills of an agent: their names and digests stand in the first event of each execution. */
const MAX_FILES = 5_000;

/**
 * The skills that an agent names, each in its revision or tag, the newest where that is empty. Refuses with
 * `REFERENCE_NOT_FOUND` what is not there, and with `LIMIT_REACHED` more files than an execution may begin with.
 */
export async function pinSkills(
  resources: PipelineDeps,
  agent: { readonly org: string; readonly name: string },
  usages: readonly SkillUsage[],
): Promise<readonly PinnedSkill[]> {
  const skills: PinnedSkill[] = [];
  for (const usage of usages) skills.push(await pinSkill(resources, agent, usage));
  const count = skills.reduce((sum, { files }) => sum + files.length, 0);
  if (count > MAX_FILES) throw exhausted("LIMIT_REACHED", { limit: "files of an agent's skills", max: MAX_FILES });
  return skills;
}

async function pinSkill(
  resources: PipelineDeps,
  agent: { readonly org: string; readonly name: string },
  { name, revision }: SkillUsage,
): Promise<PinnedSkill> {
  const kind = requireKind(resources.kinds, "Skill");
  const { keys, store: read } = resources;
  const row = await read.getByName({ tenant: agent.org, kind: kind.options.kind, name });
  if (!row) {
    const description = `the agent "${agent.name}" uses the skill "${name}", which does not exist`;
    throw invalid([{ field: "spec.agent", description }], "REFERENCE_NOT_FOUND");
  }
  const pinned = await atRevision({ read, keys }, kind, { row, revision });
  const { spec } = fromRow(kind, pinned.row) as Resource & Skill;
  return create(PinnedSkillSchema, {
    ...{ name, revision: pinned.digest },
    ...{ description: spec?.description ?? "", files: spec?.files ?? [] },
  });
}
