import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalid, type Violation } from "@stigmer/base";
import {
  type Environment,
  EnvironmentCommandController,
  EnvironmentQueryController,
  EnvironmentSchema,
  EnvironmentStatusSchema,
  type SecretStatus,
  SecretStatusSchema,
} from "@stigmer/contracts/agentic";
import { defineKind, type HookContext } from "@stigmer/resource";

export const environment = defineKind({
  message: EnvironmentSchema,
  services: [EnvironmentCommandController, EnvironmentQueryController],
  check: ({ spec }) => {
    const violations = (spec?.secrets ?? []).flatMap(({ name, value }, at): Violation[] => {
      if (!value) return [{ field: `spec.secrets[${at}].value`, description: "is required for a new secret" }];
      const isTwice = Object.hasOwn(spec?.variables ?? {}, name);
      return isTwice ? [{ field: `spec.secrets[${at}].name`, description: "stands among the variables too" }] : [];
    });
    if (violations.length > 0) throw invalid(violations);
  },
  observe: (next, context) => {
    const secrets = (next.spec?.secrets ?? []).map(({ name }) => secretStatus(name, next, context));
    secrets.sort((one, other) => (one.name < other.name ? -1 : 1));
    next.status = create(EnvironmentStatusSchema, { revision: context.specDigest, secrets });
  },
});

/** A value whose sealed form is the one before has not changed. */
function secretStatus(name: string, next: Environment, { previous, clock }: HookContext): SecretStatus {
  const before = previous as Environment | undefined;
  const valueIn = (one: Environment | undefined) => one?.spec?.secrets.find((secret) => secret.name === name)?.value;
  const known = before?.status?.secrets.find((secret) => secret.name === name);
  const isSame = known?.updateTime !== undefined && valueIn(before) === valueIn(next);
  return isSame ? known : create(SecretStatusSchema, { name, updateTime: timestampFromMs(clock.now()) });
}
