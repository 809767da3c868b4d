import { fromBinary } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  type AgentExecution,
  AgentExecutionQueryController,
  type ExecutionEvent,
  ExecutionEventSchema,
  ExecutionQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";

type Body = ExecutionEvent["event"];

/** The events of an execution, up to the first that matches. */
export async function eventsUntil(
  client: Client,
  executionId: string,
  matches: (event: ExecutionEvent) => boolean,
): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  const enough = new AbortController();
  const { signal } = enough;
  try {
    for await (const { message } of client.service(ExecutionQueryController).subscribe({ executionId }, { signal })) {
      if (message.case !== "entry") continue;
      const event = fromBinary(ExecutionEventSchema, message.value.event);
      events.push(event);
      if (matches(event)) return events;
    }
  } finally {
    enough.abort(); // Connect goes on reading where a reader just leaves
  }
  throw new Error(`the journal ended with ${kindsOf(events).join(", ")} before the event that was waited for`);
}

/** The execution once its journal says that it is in this phase, for the `nth` time. */
export async function untilPhase(client: Client, id: string, phase: Phase, nth = 1): Promise<AgentExecution> {
  let left = nth;
  await eventsUntil(
    client,
    id,
    ({ event }) => event.case === "phaseChanged" && event.value.phase === phase && --left === 0,
  );
  return await client.service(AgentExecutionQueryController).get({ id });
}

/** The execution once it has ended, however, for the `nth` time. */
export async function untilEnd(client: Client, id: string, nth = 1): Promise<AgentExecution> {
  let left = nth;
  const isEnd = ({ event }: ExecutionEvent): boolean =>
    event.case === "phaseChanged" && event.value.phase >= Phase.SUCCEEDED && --left === 0;
  await eventsUntil(client, id, isEnd);
  return await client.service(AgentExecutionQueryController).get({ id });
}

/** All events so far. */
export async function eventsOf(client: Client, executionId: string): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  const stream = client.service(ExecutionQueryController).subscribe({ executionId, stopAtEnd: true });
  for await (const { message } of stream)
    if (message.case === "entry") events.push(fromBinary(ExecutionEventSchema, message.value.event));
  return events;
}

export function kindsOf(events: readonly ExecutionEvent[]): (string | undefined)[] {
  return events.map(({ event }) => event.case);
}

/** What the events of one kind say. */
export function valuesOf<C extends NonNullable<Body["case"]>>(events: readonly ExecutionEvent[], kind: C) {
  type Value = Extract<Body, { case: C }>["value"];
  return events.flatMap(({ event }) => (event.case === kind ? [event.value as Value] : []));
}
