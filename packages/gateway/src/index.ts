export { type GatewayDeps, gatewayHandlers } from "./generate.ts";
export { createModelChoice } from "./model-choice.ts";
export { retryDelayMs } from "./retry.ts";
