import { ApprovalCommandController, ApprovalQueryController, ApprovalSchema } from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

export const approval = defineKind({
  message: ApprovalSchema,
  services: [ApprovalCommandController, ApprovalQueryController],
  parent: ({ spec }) => spec?.executionId ?? "",
});
