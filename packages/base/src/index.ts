export { type Clock, systemClock } from "./clock.ts";
export { decodeCursor, encodeCursor } from "./cursors.ts";
export {
  conflict,
  denied,
  exhausted,
  exists,
  expired,
  Fault,
  type FaultKind,
  internal,
  invalid,
  isFault,
  notFound,
  precondition,
  type Reason,
  unauthenticated,
  unavailable,
  unsupported,
  type Violation,
} from "./faults.ts";
export { createIds, type IdSource } from "./ids.ts";
export { type Log, silentLog } from "./log.ts";
