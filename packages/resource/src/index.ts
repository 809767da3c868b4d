export type { Call, Caller, IncomingCall } from "./call.ts";
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
export { atRevision } from "./revisions.ts";
export { rowIndexes } from "./row-indexes.ts";
export { fromRow, metadataOf, stampTouched, toRow } from "./stored.ts";
export { createRules, type MessageRules } from "./validate.ts";
export { planCreate } from "./verbs/commands.ts";
export { genericHandlers } from "./verbs/generic.ts";
export { verbHandlers, verbOf } from "./verbs/handlers.ts";
export { newObject, requireById, requireByName } from "./verbs/objects.ts";
