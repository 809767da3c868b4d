export { type CapabilityDeps, capabilityHandlers } from "./handlers.ts";
