import type { Client } from "@stigmer/client";
import type { Assignment } from "@stigmer/contracts/agentic";
import type { AgentContext, AgentLoop } from "./agent.ts";
import { createAttemptContext } from "./attempt-context.ts";
import { type Failure, failureOf } from "./failure.ts";
import { leaseOver } from "./lease-over.ts";
import type { Link } from "./link.ts";
import type { Log } from "./log.ts";
import type { OwnSteps } from "./own-steps.ts";
import { requireFits } from "./payload-limit.ts";
import { createPersist } from "./persist.ts";

export type AttemptOutcome =
  | { readonly case: "output"; readonly value: string }
  | { readonly case: "error"; readonly value: Failure }
  /** The execution waits for a person or a sub-agent; the lease is released already. */
  | { readonly case: "parked" }
  /** The lease is lost; nobody wants to hear of it. */
  | { readonly case: "dropped" };

/** One run of a loop. Neither promise rejects. */
export type Attempt = {
  /** Comes as soon as the attempt is over, even where the loop goes on regardless. */
  readonly outcome: Promise<AttemptOutcome>;
  /** The loop has returned. */
  readonly returned: Promise<void>;
};

export type AttemptDeps = {
  readonly client: Client;
  readonly link: Link;
  readonly log: Log;
  readonly steps: OwnSteps;
  readonly agent: AgentLoop;
};

/** Runs the loop once. */
export function runAttempt(assignment: Assignment, dropped: AbortSignal, deps: AttemptDeps): Attempt {
  const { client, link, log, agent, steps } = deps;
  const ended = Promise.withResolvers<AttemptOutcome>();
  const over = new AbortController();
  const { signal } = over;
  const end = (outcome: AttemptOutcome, why: unknown): void => {
    ended.resolve(outcome);
    over.abort(why);
  };
  const drop = (why: unknown): void => end({ case: "dropped" }, why);
  const onDropped = (): void => drop(dropped.reason);
  dropped.addEventListener("abort", onDropped, { once: true });
  if (dropped.aborted) onDropped();
  const persist = createPersist({ link, log, signal, fenced: () => drop(leaseOver()) });
  const park = (): void => end({ case: "parked" }, new Error("the execution waits"));
  const finished = drive(agent, () => createAttemptContext(assignment, { client, signal, persist, park, steps }));
  // Never rejects.
  const returned = finished.then((outcome) => {
    end(outcome, new Error("the attempt is over"));
    dropped.removeEventListener("abort", onDropped);
  });
  return { outcome: ended.promise, returned };
}

async function drive(agent: AgentLoop, context: () => AgentContext): Promise<AttemptOutcome> {
  try {
    const value = await agent(context());
    requireFits([value], "an answer");
    return { case: "output", value };
  } catch (error) {
    return { case: "error", value: failureOf(error) };
  }
}
