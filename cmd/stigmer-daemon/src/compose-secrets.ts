import { create } from "@bufbuild/protobuf";
import type { Redactor } from "@stigmer/base";
import { VariableDeclarationSchema } from "@stigmer/contracts/agentic";
import {
  agentDeclarer,
  createRedaction,
  createVariables,
  type ExecutionRef,
  type Executions,
} from "@stigmer/execution";
import type { PipelineDeps } from "@stigmer/resource";
import { LOCAL_ORG } from "./local-policy.ts";

/** What gives declarers their values, and what keeps secrets out of everything else. */
export function composeSecrets(
  resources: Pick<PipelineDeps, "store" | "kinds" | "dataKeys" | "clock">,
  redactor: Redactor,
) {
  const variables = createVariables({ resources, redactor });
  const { receive } = variables;
  const redaction = createRedaction({ redactor, variables });
  return {
    variables,
    redaction,
    /** A variable of the daemon's environment; those that it is asked for hold keys of providers. */
    keyIn(env: (name: string) => string | undefined) {
      return (name: string): string | undefined => {
        const value = env(name);
        if (value) redactor.add([value.trim()]);
        return value;
      };
    },
    /** A key of a provider that is kept as a secret, as `<environment>/<NAME>`. */
    async secret(reference: string): Promise<string> {
      const [environment = "", name = ""] = reference.split("/");
      const sources = { org: LOCAL_ORG, values: {}, secrets: {}, environments: [environment] };
      const variables = [create(VariableDeclarationSchema, { name })];
      const { values } = await receive(sources, { title: "the configuration of a provider", variables });
      redactor.add(Object.values(values));
      return values[name] ?? "";
    },
    /** Masks these from now on; those that end, as tokens do, are forgotten some time after `until`. */
    mask(secrets: readonly string[], until?: number): void {
      redactor.forget(resources.clock.now());
      redactor.add(secrets, until);
    },
    /** What the loop of an execution's agent receives. */
    loopVariables: (executions: Executions) => async (ref: ExecutionRef) => {
      const { created } = await executions.load(ref);
      if (!created?.spec?.variables.length) return { values: {}, secretNames: [] };
      const declarer = agentDeclarer(created.agent, created.spec.variables);
      return await variables.receive(await variables.sourcesOf(ref, created), declarer);
    },
  };
}
