export { problemOf } from "./arguments.ts";
export type { CapabilityDeps } from "./deps.ts";
export { capabilityHandlers } from "./handlers.ts";
