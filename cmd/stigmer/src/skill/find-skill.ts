import { fromJson } from "@bufbuild/protobuf";
import type { LightClient } from "@stigmer/client/light";
import { type Skill, SkillSchema } from "@stigmer/contracts/agentic";
import type { Deps } from "../deps.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { parseReference } from "../kinds/reference.ts";
import { registry } from "../kinds/registry.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";

/** A skill by its name, with a revision or tag after `@`, or by its id. */
export async function findSkill(deps: Pick<Deps, "interrupt">, client: LightClient, name: string): Promise<Skill> {
  const kind = kindOfMessage(SkillSchema);
  const reference = parseReference(nameOfKind(kind, name));
  const resource = await getResource(client, { kind, reference }, { signal: deps.interrupt });
  return fromJson(SkillSchema, resource as never, { registry });
}
