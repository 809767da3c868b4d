import { create } from "@bufbuild/protobuf";
import { EnvironmentSecretSchema, type EnvironmentSpec } from "@stigmer/contracts/agentic";

export type NewSecret = { readonly name: string; readonly value: string; readonly forceShort?: boolean | undefined };

/** A name is a variable or a secret: what it was before is gone. */
export function setVariable(spec: EnvironmentSpec, name: string, value: string): void {
  spec.secrets = spec.secrets.filter((secret) => secret.name !== name);
  spec.variables[name] = value;
}

export function setSecret(spec: EnvironmentSpec, { name, value, forceShort = false }: NewSecret): void {
  delete spec.variables[name];
  const secret = create(EnvironmentSecretSchema, { name, value, forceShort });
  const at = spec.secrets.findIndex((one) => one.name === name);
  if (at < 0) spec.secrets.push(secret);
  else spec.secrets[at] = secret;
}

/** Whether there was one. */
export function unset(spec: EnvironmentSpec, name: string): boolean {
  const before = spec.secrets.length;
  spec.secrets = spec.secrets.filter((secret) => secret.name !== name);
  const had = Object.hasOwn(spec.variables, name) || spec.secrets.length < before;
  delete spec.variables[name];
  return had;
}
