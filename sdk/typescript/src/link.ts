import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RunnerMessageSchema } from "@stigmer/contracts/agentic";

export type Outgoing = NonNullable<MessageInitShape<typeof RunnerMessageSchema>["message"]>;

/** The runner's line to its backend, as those who work see it: up from a welcome until the connection breaks. */
export interface Link {
  /** Rises with each welcome; 0 before the first. */
  generation(): number;
  up(send: (message: Outgoing) => void): void;
  down(): void;
  /** Sends where the line is up. Where it is not, the message is dropped: what matters is kept by its owner and sent again. */
  send(message: Outgoing): void;
  /** Resolves when the line is up; rejects with the signal's reason when that comes first. */
  whenUp(signal: AbortSignal): Promise<void>;
}

export function createLink(): Link {
  let generation = 0;
  let sender: ((message: Outgoing) => void) | undefined;
  const waiting = new Set<() => void>();
  return {
    generation: () => generation,
    up(send) {
      generation++;
      sender = send;
      for (const wake of waiting) wake();
    },
    down() {
      sender = undefined;
    },
    send: (message) => sender?.(message),
    async whenUp(signal) {
      signal.throwIfAborted();
      while (!sender) {
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
