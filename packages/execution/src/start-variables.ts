import { create } from "@bufbuild/protobuf";
import { type ExecutionCreated, type OneOffValue, OneOffValueSchema, type Session } from "@stigmer/contracts/agentic";
import type { Call } from "@stigmer/resource";
import type { ExecutionRef } from "./execution-ref.ts";
import type { PinnedAgent } from "./pin-agent.ts";
import { agentDeclarer, type Sources, serverDeclarer, type Variables } from "./variables.ts";

/** Where an execution's values come from. */
type Beginning = {
  readonly agent: PinnedAgent;
  readonly session: Session;
  /** Values for this execution alone. */
  readonly values: readonly OneOffValue[];
};

/**
 * The sources of an execution that is about to begin. Refuses with `VARIABLE_MISSING` where one of its declarers would not get what it
 * needs. All that is secret is masked from now on.
 */
export async function startingSources(
  deps: { readonly variables: Variables; readonly mask: (secrets: readonly string[]) => void },
  { org }: Call,
  { agent, session, values }: Beginning,
): Promise<Sources> {
  const environments = inForce(session.spec?.environments ?? [], agent.spec.environments);
  const plain = values.filter(({ secretValue }) => !secretValue).map(({ name, value }) => [name, value]);
  const secret = values.filter(({ secretValue }) => secretValue).map(({ name, secretValue }) => [name, secretValue]);
  const sources = { org, environments, values: Object.fromEntries(plain), secrets: Object.fromEntries(secret) };
  deps.mask(Object.values(sources.secrets));
  const declarers = [agentDeclarer(agent.name, agent.spec.variables), ...agent.servers.map(serverDeclarer)];
  for (const declarer of declarers) await deps.variables.receive(sources, declarer);
  return sources;
}

/** The one that counts most first: of each list the last, and the session's before the agent's. */
function inForce(session: readonly string[], agent: readonly string[]): string[] {
  return [...new Set([...session.toReversed(), ...agent.toReversed()])];
}

/** What an execution hands on to one that goes on from it, or works for it: the same environments, as far as they are there, and its own values. */
export async function handedOn(
  { variables }: { readonly variables: Variables },
  ref: ExecutionRef,
  created: ExecutionCreated,
  of: { readonly secrets: boolean } = { secrets: true },
): Promise<{ readonly environments: string[]; readonly values: OneOffValue[] }> {
  const { values, secrets } = await variables.sourcesOf(ref, created);
  return {
    environments: await variables.existing(ref.org, created.environments.toReversed()),
    values: [
      ...Object.entries(values).map(([name, value]) => create(OneOffValueSchema, { name, value })),
      ...Object.entries(of.secrets ? secrets : {}).map(([name, secretValue]) =>
        create(OneOffValueSchema, { name, secretValue, forceShort: true }),
      ),
    ],
  };
}
