export { createBudgets } from "./budgets.ts";
export { type GatewayDeps, gatewayHandlers } from "./generate.ts";
export { createModelChoice } from "./model-choice.ts";
export { modelHandlers } from "./model-handlers.ts";
export { createModels, type Resolve } from "./models.ts";
export { type ConfiguredPrice, createPriceList } from "./price-list.ts";
export { retryDelayMs } from "./retry.ts";
