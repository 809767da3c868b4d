import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  type HelloSchema,
  type Lease,
  RunnerController,
  type RunnerMessageSchema,
  RunnerRole,
  type ServerMessage,
  type Welcome,
} from "@stigmer/contracts/agentic";

type Said = Exclude<ServerMessage["message"], { case: undefined }>;
type Saying = NonNullable<MessageInitShape<typeof RunnerMessageSchema>["message"]>;

/** A runner's line to a daemon; a test says every word of the runner itself. */
export interface RunnerLine {
  readonly instance: string;
  readonly welcome: Welcome;
  send(message: Saying): void;
  /** The next message of this kind; others before it are passed over. */
  next<C extends Said["case"]>(kind: C): Promise<Extract<Said, { case: C }>["value"]>;
  /** What the backend said, the passed over too. */
  readonly heard: readonly Said[];
  /** Says that it is there and drives these; resolves when the backend has taken that. */
  beat(running?: readonly Lease[]): Promise<void>;
  /** Says nothing more; resolves when the backend has ended the line too. */
  hangUp(): Promise<void>;
}

export async function connectRunner(
  client: Client,
  hello: MessageInitShape<typeof HelloSchema> = {},
): Promise<RunnerLine> {
  const instance = randomUUID();
  const roles = [RunnerRole.AGENT, RunnerRole.TOOLS];
  const introduction = { name: "line", instance, roles, slots: 8, protocolVersion: 1, ...hello };
  const outgoing = createWords();
  outgoing.push({ case: "hello", value: introduction });
  const source = client.service(RunnerController).connect(outgoing)[Symbol.asyncIterator]();
  const heard: Said[] = [];
  const next = async (): Promise<Said | undefined> => {
    const { done, value } = await source.next();
    if (done || value.message.case === undefined) return undefined;
    heard.push(value.message);
    return value.message;
  };
  const first = await next();
  if (first?.case !== "welcome") throw new Error("the backend did not begin with a welcome");
  const passed: Said[] = [];
  return {
    instance: introduction.instance ?? "",
    welcome: first.value,
    heard,
    send: outgoing.push,
    async next(kind) {
      for (let message = passed.shift() ?? (await next()); message; message = passed.shift() ?? (await next())) {
        if (message.case === kind) return message.value as never;
      }
      throw new Error(`the backend ended the line without a message of kind ${kind}`);
    },
    async beat(running = []) {
      outgoing.push({ case: "heartbeat", value: { running: [...running] } });
      const outcome = { case: "parked" as const, value: true };
      outgoing.push({ case: "attemptFinished", value: { lease: { executionId: "aex_none", epoch: 1n }, outcome } });
      for (let message = await next(); message; message = await next()) {
        if (message.case === "acknowledged" && message.value.message.value?.executionId === "aex_none") return;
        passed.push(message);
      }
    },
    async hangUp() {
      outgoing.end();
      while (await next());
    },
  };
}

export function leaseOf(assignment: { readonly lease?: Lease | undefined }): Lease {
  if (!assignment.lease) throw new Error("the assignment names no lease");
  return assignment.lease;
}

function createWords() {
  const waiting: Saying[] = [];
  let ended = false;
  let wake = (): void => {};
  return {
    push(message: Saying): void {
      waiting.push(message);
      wake();
    },
    end(): void {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let message = waiting.shift(); message; message = waiting.shift()) yield { message };
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
