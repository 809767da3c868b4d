import { constants, type ServerHttp2Stream } from "node:http2";

const HALF_OPEN_MS = 1_000;
/** The same while the server ends. */
const HALF_OPEN_AT_END_MS = 100;

/** A stream that has its answer, and whose request never ends, would count among the connection's streams for ever. */
export function endHalfOpen(stream: ServerHttp2Stream, shutdown: AbortSignal): void {
  const patienceMs = shutdown.aborted ? HALF_OPEN_AT_END_MS : HALF_OPEN_MS;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), patienceMs);
  stream.once("close", () => clearTimeout(timer));
}
