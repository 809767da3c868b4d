import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RunnerMessageSchema } from "@stigmer/contracts/agentic";

export type Outgoing = NonNullable<MessageInitShape<typeof RunnerMessageSchema>["message"]>;

/** The runner's line to its backend, as those who work see it: up from a welcome until the connection breaks. */
export interface Link {
  /** Rises with each welcome; 0 before the first. */
  generation(): number;
  /** `isFresh` says whether the process has run all the time; while it says no, the line counts as down. */
  up(send: (message: Outgoing) => void, isFresh: () => boolean): void;
  down(): void;
  /** Sends where the line is up. Where it is not, the message is dropped: what matters is kept by its owner and sent again. */
  send(message: Outgoing): void;
  isUp(): boolean;
  /** How many waited for the line when it last came up. */
  waitedForIt(): number;
  /** Resolves when the line is up; rejects with the signal's reason when that comes first. */
  whenUp(signal: AbortSignal): Promise<void>;
}

export function createLink(): Link {
  let generation = 0;
  let waited = 0;
  let line: { readonly send: (message: Outgoing) => void; readonly isFresh: () => boolean } | undefined;
  const isUp = (): boolean => line?.isFresh() ?? false;
  const waiting = new Set<() => void>();
  return {
    generation: () => generation,
    up(send, isFresh) {
      generation++;
      line = { send, isFresh };
      waited = waiting.size;
      for (const wake of [...waiting]) wake();
    },
    down() {
      line = undefined;
    },
    send(message) {
      if (isUp()) line?.send(message);
    },
    isUp,
    waitedForIt: () => waited,
    async whenUp(signal) {
      signal.throwIfAborted();
      while (!isUp()) {
        await woken(waiting, signal);
        signal.throwIfAborted();
      }
    },
  };
}

function woken(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      waiting.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    waiting.add(wake);
    signal.addEventListener("abort", wake);
  });
}
