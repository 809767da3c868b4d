export { Fault, isFault } from "@stigmer/base";
export { type Client, clientOver } from "./client.ts";
export { faultOf } from "./fault-of.ts";
export { brokenLine, IDEMPOTENCY_KEY, idempotency, retry } from "./interceptors.ts";
