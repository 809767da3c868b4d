import { delimiter } from "node:path";

// What programs need to find their way about, and nothing that could be a secret.
const SAFE = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables that a tool server gets: a small safe set of the runner's own, then those of its spec. `nodeFolder` is
 * appended to PATH, so that `node` and `npx` are found where none is installed and the user's own come first.
 */
export function childEnv(own: Environment, declared: Environment, nodeFolder: string): Record<string, string> {
  const inherited = Object.fromEntries(SAFE.map((name) => [name, own[name]]));
  const merged = Object.entries({ ...inherited, ...declared });
  const env: Record<string, string> = {};
  for (const [name, value] of merged) if (value !== undefined) env[name] = value;
  return { ...env, PATH: env.PATH ? `${env.PATH}${delimiter}${nodeFolder}` : nodeFolder };
}
