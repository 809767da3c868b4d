import { create } from "@bufbuild/protobuf";
import { isFault } from "@stigmer/base";
import {
  EnvironmentCommandController,
  EnvironmentQueryController,
  RotateKeyResponseSchema,
  type SealingKey,
  SealingKeyPlace,
  SealingKeySchema,
} from "@stigmer/contracts/agentic";
import { type DataKeys, type Handler, type Pipeline, unary } from "@stigmer/resource";

export type SealingKeyDeps = { readonly dataKeys: DataKeys; readonly pipeline: Pipeline };

/** The handlers about the master key with which secrets are sealed. */
export function sealingKeyHandlers({ dataKeys, pipeline }: SealingKeyDeps): readonly Handler[] {
  return [
    unary(EnvironmentQueryController.method.getSealingKey, () => sealingKeyOf(dataKeys)),
    unary(EnvironmentCommandController.method.rotateKey, (request, call) =>
      pipeline.command(request, call, async () => {
        const { dataKeys: count } = await dataKeys.rotate();
        const key = await sealingKeyOf(dataKeys);
        const answer = create(RotateKeyResponseSchema, { key, dataKeys: count });
        return { batch: {}, answer, resource: key.id };
      }),
    ),
  ];
}

const PLACES = { keychain: SealingKeyPlace.KEYCHAIN, file: SealingKeyPlace.FILE };

async function sealingKeyOf(dataKeys: DataKeys): Promise<SealingKey> {
  const master = await dataKeys.known();
  if (!master) return create(SealingKeySchema, { available: true });
  const known = { place: PLACES[master.place], id: master.id };
  try {
    await dataKeys.check();
    return create(SealingKeySchema, { ...known, available: true });
  } catch (error) {
    if (!isFault(error, "SEALING_KEY_MISSING")) throw error;
    return create(SealingKeySchema, { ...known, problem: error.message });
  }
}
