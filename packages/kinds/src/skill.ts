import { create } from "@bufbuild/protobuf";
import {
  SkillCommandController,
  SkillQueryController,
  SkillSchema,
  SkillStatusSchema,
} from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";
import { checkSkill } from "./skill-files/check-skill.ts";

export const skill = defineKind({
  message: SkillSchema,
  services: [SkillCommandController, SkillQueryController],
  check: checkSkill,
  observe: (next, { specDigest }) => {
    next.status = create(SkillStatusSchema, { revision: specDigest });
  },
});
