import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { isFault, type RedactedStream, type Redactor } from "@stigmer/base";
import { type ExecutionCreated, type ExecutionEvent, ExecutionEventSchema } from "@stigmer/contracts/agentic";
import type { ExecutionRef } from "./execution-ref.ts";
import { maskedMessage } from "./masked-message.ts";
import { declarersOf, type Variables } from "./variables.ts";

/** Keeps secrets out of what is recorded, streamed and told. */
export interface Redaction {
  /**
   * From now on what the execution's declarers receive as secrets is masked. Throws `SEALING_KEY_MISSING` where that can't be known:
   * then nothing that others said may be recorded.
   */
  ready(ref: ExecutionRef, created: ExecutionCreated | undefined): Promise<void>;
  /** The execution has begun here, and so all that is secret of it is masked. */
  begun(ref: ExecutionRef): void;
  /** As `ready`; answers with the message, masked as far as can be known: what comes of it is refused where it has to be. */
  said<S extends DescMessage>(
    of: { readonly ref: ExecutionRef; readonly created: ExecutionCreated | undefined },
    schema: S,
    message: MessageShape<S>,
  ): Promise<MessageShape<S>>;
  /** As `ready`, for events of which only what the backend says itself may be recorded without; answers with what may be recorded. */
  events(
    ref: ExecutionRef,
    created: ExecutionCreated | undefined,
    events: readonly ExecutionEvent[],
  ): Promise<readonly ExecutionEvent[]>;
  /** What is masked by what is known now. */
  event(body: ExecutionEvent["event"]): ExecutionEvent["event"];
  message<S extends DescMessage>(schema: S, message: MessageShape<S>): MessageShape<S>;
  text(text: string): string;
  stream(): RedactedStream;
}

/** Executions of which it is remembered that their secrets are known. */
const MOST_READY = 10_000;

/** Events that say nothing but what the backend decided, beside comments and errors. */
const OWN: ReadonlySet<ExecutionEvent["event"]["case"]> = new Set([
  ...(["phaseChanged", "cancelRequested", "leaseGranted", "retried", "approvalDecided"] as const),
]);

/** A person's arguments are made as they are recorded: masked they would be another call. */
function isOwn({ event }: ExecutionEvent): boolean {
  return OWN.has(event.case) && !(event.case === "approvalDecided" && event.value.arguments !== "");
}

export function createRedaction({
  redactor,
  variables,
}: {
  readonly redactor: Redactor;
  readonly variables: Variables;
}): Redaction {
  const known = new Set<string>();
  const message = <S extends DescMessage>(schema: S, one: MessageShape<S>): MessageShape<S> =>
    redactor.isEmpty() ? one : maskedMessage(schema, one, redactor.text);
  const masked = (event: ExecutionEvent): ExecutionEvent => message(ExecutionEventSchema, event);
  function begun({ org, id }: ExecutionRef): void {
    known.add(`${org}/${id}`);
    for (const oldest of known) {
      if (known.size <= MOST_READY) break;
      known.delete(oldest);
    }
  }
  async function ready(ref: ExecutionRef, created: ExecutionCreated | undefined): Promise<void> {
    if (!created || known.has(`${ref.org}/${ref.id}`)) return;
    await learn(variables, redactor, { ref, created });
    begun(ref);
  }
  return {
    ready,
    begun,
    async said({ ref, created }, schema, one) {
      await ready(ref, created).catch((error: unknown) => {
        if (!isFault(error, "SEALING_KEY_MISSING")) throw error;
      });
      return message(schema, one);
    },
    async events(ref, created, events) {
      try {
        await ready(ref, created);
      } catch (error) {
        if (!isFault(error, "SEALING_KEY_MISSING") || !events.every(isOwn)) throw error;
        return events.map((event) => maskedMessage(ExecutionEventSchema, event, () => "***"));
      }
      return events.map(masked);
    },
    event: (body) => (body.case === undefined ? body : masked(wrap(body)).event),
    message,
    text: redactor.text,
    stream: redactor.stream,
  };
}

/** A value that is gone by now can't be learned, and what was received of it before is masked already. */
async function learn(
  variables: Variables,
  redactor: Redactor,
  { ref, created }: { readonly ref: ExecutionRef; readonly created: ExecutionCreated },
): Promise<void> {
  const sources = await variables.sourcesOf(ref, created);
  redactor.add(Object.values(sources.secrets));
  for (const { title, variables: declared } of declarersOf(created)) {
    await variables.receive(sources, { title, variables: declared.map((one) => ({ ...one, optional: true })) });
  }
}

function wrap(event: ExecutionEvent["event"]): ExecutionEvent {
  return { $typeName: "ai.stigmer.agentic.execution.v1.ExecutionEvent", stepKey: "", epoch: 0n, attempt: 0, event };
}
