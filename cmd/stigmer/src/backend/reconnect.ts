import { ConnectError } from "@connectrpc/connect";
import { isFault, unavailable } from "@stigmer/base";
import type { Deps } from "../deps.ts";

/** Tries to get a broken stream back, with growing pauses, until the backend has been away too long. */
export interface Reconnect {
  /** Something came: the backend is there. */
  arrived(): Promise<void>;
  /** Waits before the next try. Throws `error` where there is no sense in one, or the backend has been away too long. */
  waitAfter(error: unknown): Promise<void>;
}

const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/** A stream that ended without an error although it had more to say. */
export const ENDED_EARLY = unavailable("BACKEND_UNREACHABLE", {}, { message: "the backend ended the stream" });

export function createReconnect(deps: Pick<Deps, "clock" | "sleep" | "stderr" | "interrupt">): Reconnect {
  let lostAt: number | undefined;
  let pause = FIRST_PAUSE_MS;
  return {
    async arrived() {
      if (lostAt === undefined) return;
      lostAt = undefined;
      pause = FIRST_PAUSE_MS;
      await deps.stderr.write("connected again\n");
    },
    async waitAfter(error) {
      if (!isLost(error) || deps.interrupt.aborted) throw error;
      const now = deps.clock.monotonic();
      if (lostAt === undefined) await deps.stderr.write("connection lost; trying again\n");
      lostAt ??= now;
      if (now - lostAt >= PATIENCE_MS) throw error;
      await deps.sleep(pause, deps.interrupt);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    },
  };
}

/** Whether an error says that the connection broke, and nothing about the call. A refusal has a reason of its own. */
export function isLost(error: unknown): boolean {
  if (!isFault(error)) return error instanceof ConnectError;
  if (error.kind === "unavailable") return true;
  return error.reason === "INTERNAL" && error.facts.request_id === undefined;
}
