import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { type Lease, LeaseSchema } from "@stigmer/contracts/agentic";
import {
  answering,
  type FakeBackend,
  type FakeConnection,
  failing,
  refusal,
  type Said,
  startFakeBackend,
} from "./backend.fake.ts";

/** What became of an execution. */
export type Fate = { epoch: bigint; readonly ends: bigint[]; isAcknowledged: boolean };

/** A backend with leases as the real one has them, on a line that is cut at random. */
export interface LossyBackend {
  readonly url: string;
  readonly fates: ReadonlyMap<string, Fate>;
  /** Serves until every execution has ended and the runner knows it. */
  serve(): Promise<void>;
  crash(): Promise<void>;
}

export type LossyOptions = { readonly executions: number; readonly cuts: number; readonly random: () => number };

export async function startLossyBackend({ executions, cuts, random }: LossyOptions): Promise<LossyBackend> {
  const backend = await startFakeBackend();
  const ids = Array.from({ length: executions }, (_, index) => `aex_${index}`);
  const fates = new Map<string, Fate>(ids.map((id) => [id, { epoch: 0n, ends: [], isAcknowledged: false }]));
  const line = createLine(backend, { cuts, random });
  backend.call = ({ executionId, epoch }) => {
    void line.mayCut();
    if (fates.get(executionId)?.epoch !== epoch) return failing(refusal(Code.Aborted, "LEASE_FENCED"));
    if (random() < 0.2) return failing(refusal(Code.Unavailable, "SHUTTING_DOWN"));
    return answering({ message: { case: "result" as const, value: { content: "ok" } } });
  };
  return {
    url: backend.url,
    fates,
    async serve() {
      while (![...fates.values()].every(({ isAcknowledged }) => isAcknowledged)) {
        const connection = await backend.nextRunner();
        await line.isBack();
        greet(connection, fates, random);
        for (
          let { done, value } = await connection.said.next();
          !done;
          { done, value } = await connection.said.next()
        ) {
          hear(connection, value, { fates, random });
          if (await line.mayCut(connection)) break;
          if ([...fates.values()].every(({ isAcknowledged }) => isAcknowledged)) return;
        }
      }
    },
    crash: backend.crash,
  };
}

/** Cuts the line now and then: a stream that ends, or every connection. */
function createLine(backend: FakeBackend, options: { readonly cuts: number; readonly random: () => number }) {
  let left = options.cuts;
  let back = Promise.resolve();
  return {
    isBack: () => back,
    async mayCut(connection?: FakeConnection): Promise<boolean> {
      if (left === 0 || options.random() > 0.3) return false;
      left--;
      if (connection && options.random() < 0.5) connection.hangUp();
      else back = back.then(backend.crash).then(backend.restart);
      await back;
      return true;
    },
  };
}

/** Keeps most of the leases that the runner names, and gives what is not driven to it anew. */
function greet({ hello, welcome, assign }: FakeConnection, fates: Map<string, Fate>, random: () => number): void {
  const kept: Lease[] = [];
  const free: string[] = [];
  for (const [id, fate] of fates) {
    const isNamed = hello.running.some(({ executionId, epoch }) => executionId === id && epoch === fate.epoch);
    if (isNamed && (fate.ends.length > 0 || random() < 0.8))
      kept.push(create(LeaseSchema, { executionId: id, epoch: fate.epoch }));
    else if (fate.ends.length > 0) fate.isAcknowledged = true;
    else free.push(id);
  }
  welcome(kept, 20n);
  for (const id of free) assignNext({ assign }, id, fates);
}

function assignNext({ assign }: Pick<FakeConnection, "assign">, id: string, fates: ReadonlyMap<string, Fate>): void {
  const fate = fates.get(id);
  if (fate) assign(id, ++fate.epoch);
}

type Book = { readonly fates: ReadonlyMap<string, Fate>; readonly random: () => number };

function hear(connection: FakeConnection, message: Said, { fates, random }: Book): void {
  if (message.case === "declined" && message.value.lease)
    assignNext(connection, message.value.lease.executionId, fates);
  if (message.case !== "attemptFinished" || !message.value.lease) return;
  const { lease } = message.value;
  const fate = fates.get(lease.executionId);
  if (fate?.epoch !== lease.epoch) return;
  fate.ends.push(lease.epoch);
  if (random() < 0.5) return;
  connection.send({ case: "acknowledged", value: { message: { case: "attempt", value: lease } } });
  fate.isAcknowledged = true;
}
