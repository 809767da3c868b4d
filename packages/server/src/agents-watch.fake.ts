import { create, type Message } from "@bufbuild/protobuf";
import { type AgentEvent, AgentEventSchema, AgentQueryController } from "@stigmer/contracts/agentic";
import type { Call, Handler } from "@stigmer/resource";

export type WatchScript = {
  /** Throws what an id says. */
  readonly failWith: (id: string) => void;
  /** Is told of a call that waits until it is aborted. */
  readonly hang: (signal: AbortSignal) => void;
};

const event = (size: number, resumeToken: string): AgentEvent =>
  create(AgentEventSchema, { resumeToken, object: { spec: { instructions: "x".repeat(size) } } });

/**
 * Watches of agents whose organization says what comes: words in order, `<count>x<bytes>` for events, `<count>by<bytes>` for
 * as many at once, `hang`, `endless`, or the id of a fault.
 */
export function agentsWatch({ failWith, hang }: WatchScript): Handler & { produced(): number } {
  let produced = 0;
  async function* batches(request: Message, { signal }: Call): AsyncIterable<readonly Message[]> {
    for (const word of (request as unknown as { readonly org: string }).org.split(" ")) {
      failWith(word);
      if (word === "hang") await aborted(signal, hang);
      const [, count, how, size] = /^(\d+)(x|by)(\d+)$/.exec(word) ?? [];
      const events = Array.from({ length: Number(count ?? 0) }, (_, at) => event(Number(size), `${word} ${at}`));
      produced += events.length;
      if (how === "by") yield events;
      else for (const one of events) yield [one];
      for (; word === "endless" && !signal.aborted; produced++) yield [event(10_000, "")];
    }
  }
  return {
    shape: "stream",
    method: AgentQueryController.method.watch,
    batches,
    async *run(request, call) {
      for await (const messages of batches(request, call)) yield* messages;
    },
    produced: () => produced,
  };
}

function aborted(signal: AbortSignal, tell: (signal: AbortSignal) => void): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    tell(signal);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}
