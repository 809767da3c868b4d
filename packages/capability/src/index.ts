export { problemOf } from "./arguments.ts";
export type { CapabilityDeps } from "./deps.ts";
export { capabilityHandlers } from "./handlers.ts";
export { createSignIns } from "./sign-ins.ts";
export { createToolServerMemory } from "./tool-servers.ts";
