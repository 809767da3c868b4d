import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import {
  type Environment,
  EnvironmentCommandController,
  EnvironmentQueryController,
  EnvironmentSchema,
  type EnvironmentSpec,
  EnvironmentSpecSchema,
} from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { explainFields } from "../execution/explain-fields.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { type Format, formatOf } from "../output/format.ts";
import { printableLine } from "../output/printable.ts";

const MAX_TRIES = 8;

/** Changes an environment's spec by its name; makes it where there is none. Others' changes meanwhile stay. */
export async function changeEnvironment(
  deps: Pick<Deps, "interrupt">,
  backend: Backend,
  { name, change }: { readonly name: string; readonly change: (spec: EnvironmentSpec) => void },
): Promise<Environment> {
  const commands = backend.client().service(EnvironmentCommandController);
  const call = { signal: deps.interrupt };
  for (let count = 1; ; count++) {
    const found = await findEnvironment(deps, backend, name);
    const next = found ?? create(EnvironmentSchema, { metadata: { name, org: backend.org } });
    next.spec ??= create(EnvironmentSpecSchema);
    change(next.spec);
    try {
      return found ? await commands.update(next, call) : await commands.create(next, call);
    } catch (error) {
      const isLate = isFault(error, "VERSION_MOVED") || isFault(error, "RESOURCE_EXISTS");
      if (!isLate || count === MAX_TRIES)
        throw explainFields(error, { words: {}, next: "see how: stigmer env --help" });
    }
  }
}

/** Undefined where there is none. */
export async function findEnvironment(
  deps: Pick<Deps, "interrupt">,
  backend: Backend,
  name: string,
): Promise<Environment | undefined> {
  const queries = backend.client().service(EnvironmentQueryController);
  const call = { signal: deps.interrupt };
  const found = name.startsWith("env_")
    ? queries.get({ id: name }, call)
    : queries.getByReference({ name, org: backend.org }, call);
  return await found.catch((error: unknown) => {
    if (isFault(error, "RESOURCE_NOT_FOUND")) return undefined;
    throw error;
  });
}

/** The forms in which a changed environment is shown. */
export function changedFormat(deps: Pick<Deps, "stdout">, asked: string | undefined): Format {
  return formatOf(asked, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
}

/** Says what was done; values are never shown. */
export async function sayChanged(
  deps: Pick<Deps, "stdout">,
  environment: Environment,
  { format, done }: { readonly format: Format; readonly done: string },
): Promise<void> {
  if (format === "json" || format === "yaml") return await printMessage(deps, EnvironmentSchema, environment, format);
  const name = `environment/${environment.metadata?.name ?? ""}`;
  await deps.stdout.write(`${printableLine(format === "name" ? name : `${name} ${done}`)}\n`);
}
