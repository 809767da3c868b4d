import type { Client } from "@stigmer/client";
import type { Assignment } from "@stigmer/contracts/agentic";
import type { AgentLoop } from "./agent.ts";
import { createAttemptContext } from "./attempt-context.ts";
import { type Failure, failureOf } from "./failure.ts";
import type { Link } from "./link.ts";
import type { Log } from "./log.ts";
import { requireFits } from "./payload-limit.ts";
import { createPersist } from "./persist.ts";

export type AttemptOutcome =
  | { readonly case: "output"; readonly value: string }
  | { readonly case: "error"; readonly value: Failure }
  /** A person is asked; the lease is released already. */
  | { readonly case: "parked" }
  /** The lease is lost; nobody wants to hear of it. */
  | { readonly case: "dropped" };

export type AttemptDeps = {
  readonly client: Client;
  readonly link: Link;
  readonly log: Log;
  readonly agent: AgentLoop;
};

/** Runs the loop once. Never rejects; ends as soon as the attempt is over, even where the loop goes on regardless. */
export async function runAttempt(
  assignment: Assignment,
  dropped: AbortSignal,
  deps: AttemptDeps,
): Promise<AttemptOutcome> {
  const ended = Promise.withResolvers<AttemptOutcome>();
  const over = new AbortController();
  const end = (outcome: AttemptOutcome, why: string): void => {
    ended.resolve(outcome);
    over.abort(new Error(why));
  };
  const drop = (): void => end({ case: "dropped" }, "the lease is lost");
  if (dropped.aborted) drop();
  dropped.addEventListener("abort", drop, { once: true });
  const signal = over.signal;
  const persist = createPersist({ link: deps.link, log: deps.log, signal, fenced: drop });
  const park = (): void => end({ case: "parked" }, "the execution waits for a person");
  const finished = drive(deps.agent, () =>
    createAttemptContext(assignment, { client: deps.client, signal, persist, park }),
  );
  const outcome = await Promise.race([ended.promise, finished]);
  dropped.removeEventListener("abort", drop);
  over.abort(new Error("the attempt is over"));
  return outcome;
}

async function drive(agent: AgentLoop, context: () => Parameters<AgentLoop>[0]): Promise<AttemptOutcome> {
  try {
    const value = await agent(context());
    requireFits([value], "an answer");
    return { case: "output", value };
  } catch (error) {
    return { case: "error", value: failureOf(error) };
  }
}
