import { createRedactor } from "@stigmer/base";
import { createRedaction, type Redaction } from "@stigmer/execution";

/** Of executions that have no variables. */
export function noSecrets(): Redaction {
  const sourcesOf = async () => ({ org: "local", values: {}, secrets: {}, environments: [] });
  const receive = async () => ({ values: {}, secretNames: [] });
  return createRedaction({ redactor: createRedactor(), variables: { sourcesOf, receive, existing: async () => [] } });
}
