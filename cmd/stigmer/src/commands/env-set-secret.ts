import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { changedFormat, changeEnvironment, sayChanged } from "../environment/change-environment.ts";
import { readSecret, requireName } from "../environment/read-secret.ts";
import { setSecret as setIn } from "../environment/spec-change.ts";

export type SecretOptions = GlobalOptions & {
  readonly name: string;
  readonly variable: string;
  readonly fromFile?: string;
  readonly forceShort?: boolean;
};

/** Sets a secret; its value comes from a prompt, standard input or a file, and never from the command line. */
export async function setSecret(deps: Deps, options: SecretOptions): Promise<void> {
  const { name, fromFile, forceShort } = options;
  const advice = `leave the value out, and it is asked for: stigmer env set-secret ${name} <name>; or pipe it in`;
  const variable = requireName(options.variable, advice);
  const format = changedFormat(deps, options.output);
  const value = await readSecret(deps, variable, fromFile);
  await using backend = await openBackend(deps, options);
  const environment = await changeEnvironment(deps, backend, {
    name,
    change: (spec) => setIn(spec, { name: variable, value, forceShort }),
  });
  await sayChanged(deps, environment, { format, done: `has the secret ${variable}` });
}
