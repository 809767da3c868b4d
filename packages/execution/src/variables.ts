import { precondition, type Redactor } from "@stigmer/base";
import type {
  AgentExecution,
  Environment,
  ExecutionCreated,
  PinnedServer,
  VariableDeclaration,
} from "@stigmer/contracts/agentic";
import { fromRow, openSecrets, type PipelineDeps, type Resource } from "@stigmer/resource";
import type { Row } from "@stigmer/store";
import type { ExecutionRef } from "./execution-ref.ts";
import { requireKind } from "./require-kind.ts";

/** Who receives values: only of the names that it declares. */
export type Declarer = {
  /** As people say it: `agent "reviewer"`. */
  readonly title: string;
  readonly variables: readonly VariableDeclaration[];
};

/** Where values come from; what is named first counts most. */
export type Sources = {
  readonly org: string;
  /** Values of one execution alone. */
  readonly values: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Names of environments. */
  readonly environments: readonly string[];
};

/** What a declarer receives, and which of the names are secrets. */
export type Received = { readonly values: Record<string, string>; readonly secretNames: readonly string[] };

/** Values of variables, as they are when they are asked for. */
export interface Variables {
  /**
   * What a declarer receives. Secrets among them are masked everywhere from now on. Refuses with `VARIABLE_MISSING` where a name that
   * it needs has no value, and with `SEALING_KEY_MISSING` where a secret can't be opened.
   */
  receive(sources: Sources, declarer: Declarer): Promise<Received>;
  /** Those of these environments that are there. */
  existing(org: string, environments: readonly string[]): Promise<string[]>;
  /** The sources of an execution. */
  sourcesOf(ref: ExecutionRef, created: ExecutionCreated): Promise<Sources>;
}

export type VariablesDeps = {
  readonly resources: Pick<PipelineDeps, "store" | "kinds" | "dataKeys">;
  readonly redactor: Redactor;
};

export function createVariables(deps: VariablesDeps): Variables {
  return {
    receive: (sources, declarer) => receive(deps, sources, declarer),
    async existing(org, environments) {
      const rows = await Promise.all(environments.map((name) => environmentRow(deps, org, name)));
      return environments.filter((_, at) => rows[at] !== undefined);
    },
    async sourcesOf({ org, id }, { values, environments }) {
      return { org, values, environments, secrets: await oneOffSecrets(deps, { org, id }) };
    },
  };
}

/** The declarers of an execution: its agent's loop, and its servers. */
export function declarersOf({ agent, spec, servers }: ExecutionCreated): readonly Declarer[] {
  return [agentDeclarer(agent, spec?.variables ?? []), ...servers.map(serverDeclarer)];
}

export function agentDeclarer(name: string, variables: readonly VariableDeclaration[]): Declarer {
  return { title: `agent "${name}"`, variables };
}

export function serverDeclarer({ name, spec }: PinnedServer): Declarer {
  return { title: `MCP server "${name}"`, variables: spec?.variables ?? [] };
}

type Value = { readonly text: string; readonly isSecret: boolean };
/** Says the value of a name; undefined where it has none. */
type Lookup = (name: string) => Promise<Value | undefined>;

async function receive(deps: VariablesDeps, sources: Sources, declarer: Declarer): Promise<Received> {
  const values: Record<string, string> = {};
  const secretNames: string[] = [];
  if (declarer.variables.length === 0) return { values, secretNames };
  const lookups = [
    oneOffs(sources),
    ...(await Promise.all(sources.environments.map((name) => environment(deps, sources.org, name)))),
  ];
  for (const { name, optional, defaultValue } of declarer.variables) {
    const found =
      (await firstOf(lookups, name)) ?? (defaultValue ? { text: defaultValue, isSecret: false } : undefined);
    if (!found && !optional) throw missing(name, declarer, sources);
    if (!found) continue;
    values[name] = found.text;
    if (!found.isSecret) continue;
    secretNames.push(name);
    deps.redactor.add([found.text]);
  }
  return { values, secretNames };
}

async function firstOf(lookups: readonly Lookup[], name: string): Promise<Value | undefined> {
  for (const lookup of lookups) {
    const found = await lookup(name);
    if (found) return found;
  }
  return undefined;
}

function oneOffs({ values, secrets }: Sources): Lookup {
  return async (name) => {
    const secret = own(secrets, name);
    if (secret !== undefined) return { text: secret, isSecret: true };
    const text = own(values, name);
    return text === undefined ? undefined : { text, isSecret: false };
  };
}

/** One that is gone gives no values. */
async function environment(deps: VariablesDeps, org: string, name: string): Promise<Lookup> {
  const { resources } = deps;
  const kind = requireKind(resources.kinds, "Environment");
  const row = await environmentRow(deps, org, name);
  const found = row && (fromRow(kind, row) as Resource & Environment);
  if (!row || !found?.spec) return async () => undefined;
  const { variables, secrets } = found.spec;
  return async (variable) => {
    const isSecret = secrets.some((secret) => secret.name === variable);
    if (isSecret) {
      const opened = await openSecrets(resources, kind, row, [secretPath(variable)]);
      return { text: opened.get(secretPath(variable)) ?? "", isSecret };
    }
    const text = own(variables, variable);
    return text === undefined ? undefined : { text, isSecret };
  };
}

async function environmentRow({ resources }: VariablesDeps, org: string, name: string): Promise<Row | undefined> {
  return await resources.store.getByName({ tenant: org, kind: "Environment", name });
}

const secretPath = (name: string): string => `spec.secrets[name=${JSON.stringify(name)}].value`;

/** The secret values of an execution alone, which stand sealed in its record. */
async function oneOffSecrets(
  { resources }: VariablesDeps,
  { org, id }: ExecutionRef,
): Promise<Readonly<Record<string, string>>> {
  const kind = requireKind(resources.kinds, "AgentExecution");
  const key = { tenant: org, id };
  const row: Row | undefined =
    (await resources.store.get({ ...key, kind: kind.options.kind })) ??
    (await resources.store.get({ ...key, kind: `${kind.options.kind}/deleted` }));
  const execution = row && (fromRow(kind, row) as Resource & AgentExecution);
  const names = (execution?.spec?.values ?? []).filter(({ secretValue }) => secretValue !== "").map(({ name }) => name);
  if (row === undefined || names.length === 0) return {};
  const opened = await openSecrets(resources, kind, row, names.map(oneOffPath));
  return Object.fromEntries(names.map((name) => [name, opened.get(oneOffPath(name)) ?? ""]));
}

const oneOffPath = (name: string): string => `spec.values[name=${JSON.stringify(name)}].secretValue`;

function missing(variable: string, { title }: Declarer, { environments }: Sources): Error {
  const [first] = environments;
  const how = first
    ? `set it: stigmer env set-secret ${first} ${variable}`
    : `set it in an environment that the agent names (stigmer env set-secret <environment> ${variable}), or for this execution alone with --secret ${variable}`;
  const message = `${title} needs the variable ${variable}, which has no value; ${how}`;
  return precondition("VARIABLE_MISSING", { variable, declarer: title }, { message });
}

function own(values: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
