import { isAbsolute } from "node:path";
import { invalid } from "@stigmer/base";
import { SessionCommandController, SessionQueryController, SessionSchema } from "@stigmer/contracts/agentic";
import { defineKind } from "@stigmer/resource";

export const session = defineKind({
  message: SessionSchema,
  services: [SessionCommandController, SessionQueryController],
  check: ({ spec }) => {
    if (spec?.workspace && !isAbsolute(spec.workspace)) {
      throw invalid([{ field: "spec.workspace", description: "must be an absolute path" }]);
    }
  },
});
