export { blobHandlers } from "./blob-handlers.ts";
export type { Call, Caller, IncomingCall } from "./call.ts";
export {
  createDataKeys,
  type DataKeys,
  dataKeyRow,
  type KeyOwner,
  type KeyStorage,
  type Rotation,
} from "./data-keys.ts";
export { canonicalJson, type Json, textDigest } from "./digest.ts";
export { bidiStream, type Handler, serverStream, unary } from "./handler.ts";
export {
  createKinds,
  defineKind,
  type HookContext,
  type Kind,
  type KindDefinition,
  type Kinds,
  type Resource,
} from "./kind.ts";
export { createPipeline, optionsOf, type Pipeline, type PipelineDeps, type Plan } from "./pipeline.ts";
export { createPurger, type Purger } from "./purge.ts";
export { atRevision, sealedKind } from "./revisions.ts";
export { rowIndexes } from "./row-indexes.ts";
export { concealed, openSecrets } from "./sealing.ts";
export { deletedKind, fromRow, metadataOf, shownRow, stampTouched, toRow } from "./stored.ts";
export { createPageTokens } from "./tokens.ts";
export { createRules, type MessageRules } from "./validate.ts";
export { planCreate } from "./verbs/commands.ts";
export { genericHandlers } from "./verbs/generic.ts";
export { verbHandlers, verbOf } from "./verbs/handlers.ts";
export { newObject, newSealed, requireById, requireByName } from "./verbs/objects.ts";
