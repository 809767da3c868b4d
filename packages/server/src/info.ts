import { create, type DescService } from "@bufbuild/protobuf";
import { type Limits, ServerInfoSchema, ServerQueryController } from "@stigmer/contracts/platform";
import { type Handler, unary } from "@stigmer/resource";
import type { Unclaimed } from "./bind.ts";

export type Identity = {
  readonly version: string;
  readonly implementation: string;
  readonly pid: number;
  readonly dataDir: string;
};

/** `getInfo`, computed from the list that the binding uses, so that the two can't differ. */
export function infoHandlers(of: {
  readonly identity: Identity;
  readonly services: readonly DescService[];
  readonly unclaimed: readonly Unclaimed[];
  readonly limits: Omit<Limits, "$typeName" | "$unknown">;
}): readonly Handler[] {
  const dropped = new Set(of.unclaimed.map(({ service }) => service.typeName));
  const info = create(ServerInfoSchema, {
    version: of.identity.version,
    implementation: of.identity.implementation,
    pid: BigInt(of.identity.pid),
    dataDir: of.identity.dataDir,
    claimed: of.services.map(({ typeName }) => typeName).filter((name) => !dropped.has(name)),
    unclaimed: of.unclaimed.map(({ service, reason }) => ({ service: service.typeName, reason })),
    limits: of.limits,
  });
  return [unary(ServerQueryController.method.getInfo, async () => info)];
}
