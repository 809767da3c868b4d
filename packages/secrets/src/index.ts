export { createKeys } from "./keys.ts";
export { openMasterKey } from "./master-key.ts";
