import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { changedFormat, changeEnvironment, findEnvironment, sayChanged } from "../environment/change-environment.ts";
import { setVariable, unset as unsetIn } from "../environment/spec-change.ts";
import { variableOf } from "../environment/variable.ts";
import { failed } from "../failure.ts";

export type SetOptions = GlobalOptions & { readonly name: string; readonly values: readonly string[] };
export type UnsetOptions = GlobalOptions & { readonly name: string; readonly names: readonly string[] };

export async function set(deps: Deps, options: SetOptions): Promise<void> {
  const format = changedFormat(deps, options.output);
  const values = options.values.map((word) => variableOf(word, `stigmer env set ${options.name} NAME=value`));
  await using backend = await openBackend(deps, options);
  const environment = await changeEnvironment(deps, backend, {
    name: options.name,
    change: (spec) => {
      for (const { name, value } of values) setVariable(spec, name, value);
    },
  });
  await sayChanged(deps, environment, { format, done: `has ${values.map(({ name }) => name).join(", ")}` });
}

/** Removing what is not there changes nothing, and is said. */
export async function unset(deps: Deps, options: UnsetOptions): Promise<void> {
  const format = changedFormat(deps, options.output);
  await using backend = await openBackend(deps, options);
  const found = await findEnvironment(deps, backend, options.name);
  if (!found?.spec) throw failed(`environment "${options.name}" not found`, "see which there are: stigmer env list");
  const { spec } = found;
  const missing = options.names.filter((name) => !unsetIn(spec, name));
  for (const name of missing) await deps.stderr.write(`${name} was not set\n`);
  if (missing.length === options.names.length) return;
  const environment = await changeEnvironment(deps, backend, {
    name: options.name,
    change: (now) => {
      for (const name of options.names) unsetIn(now, name);
    },
  });
  const gone = options.names.filter((name) => !missing.includes(name));
  await sayChanged(deps, environment, { format, done: `has no ${gone.join(", ")}` });
}
