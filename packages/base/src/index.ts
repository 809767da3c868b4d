export { type Clock, systemClock } from "./clock.ts";
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
  type Unmet,
  unauthenticated,
  unavailable,
  unsupported,
  type Violation,
} from "./faults.ts";
export { createIds, type IdSource, idsFrom } from "./ids.ts";
export { type Log, silentLog } from "./log.ts";
export { createRedactor, type RedactedStream, type Redactor } from "./redactor.ts";
