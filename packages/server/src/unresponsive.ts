import type { ServerHttp2Session } from "node:http2";

/**
 * Ends a connection whose client reads nothing of it any more, also while nothing else waits to be sent: it is asked for
 * a sign of life every `ms`, and has as long for an answer.
 */
export function endUnresponsive(session: ServerHttp2Session, ms: number): void {
  let isAsked = false;
  const timer = setInterval(() => {
    if (session.destroyed) return; // and has not closed yet
    if (isAsked) return session.destroy();
    isAsked = session.ping(() => {
      isAsked = false;
    });
  }, ms).unref();
  session.once("close", () => clearInterval(timer));
}
