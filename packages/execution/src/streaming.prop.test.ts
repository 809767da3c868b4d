import { fromBinary } from "@bufbuild/protobuf";
import {
  ExecutionEventSchema,
  ExecutionPhase as Phase,
  type SubscribeResponse,
  type TextDelta,
} from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createTestJournals, type TestJournals } from "./journal.fake.ts";
import { createStreaming, EXECUTION, type Streaming, type TestCall, type TestReader } from "./streaming.fake.ts";

/** More with STREAMING_RUNS, for one who changes how streams work; STREAMING_SEED repeats one that failed. */
const { STREAMING_RUNS = "60", STREAMING_SEED } = process.env;
const seeds = STREAMING_SEED
  ? [Number(STREAMING_SEED)]
  : Array.from({ length: Number(STREAMING_RUNS) }, (_, at) => at + 1);

it("readers assemble what happened, nothing lost and nothing repeated, whatever breaks", async () => {
  for (const seed of seeds) {
    try {
      await runHistory(seed);
    } catch (cause) {
      throw new Error(`with STREAMING_SEED=${seed}`, { cause });
    }
  }
}, 120_000);

const READERS = 4;
const ACTIONS = 120;
const WORDS = ["a", "grüß ", "🫒", "long ".repeat(50), "\ud83e", "\udd92", "x".repeat(3000)];

async function runHistory(seed: number): Promise<void> {
  const random = createRandom(seed);
  const history = createHistory(random);
  const readers = Array.from({ length: READERS }, () => createReader(random, history));
  for (let count = 0; count < ACTIONS; count++) {
    history.act();
    if (random(3) === 0) await turn();
    for (const reader of readers) reader.act();
  }
  await settle();
  for (const reader of readers) await reader.settled();
  history.end();
  for (const reader of readers) {
    await reader.toEnd();
    expect(reader.sequences).toEqual(history.journals.entries(EXECUTION).map(({ sequence }) => sequence));
  }
}

type Random = (below: number) => number;

/** What happens to an execution: calls begin, speak, restart, end and die, and now and then the backend does. */
function createHistory(random: Random) {
  const journals: TestJournals = createTestJournals(async () => {
    for (let count = random(3); count > 0; count--) await turn();
  });
  let world: Streaming = createStreaming(journals);
  let restarts = 0;
  const calls = new Map<string, TestCall>();
  const attempts = new Map<string, number>();
  /** What each stream has said, by its name. */
  const said = new Map<string, string>();
  world.append({ event: { case: "created", value: {} } });

  const pick = (): TestCall | undefined => [...calls.values()][random(calls.size)];
  /** A call that died is made again under its key; one that has an outcome never is. */
  const lives = [0, 0, 0];
  const begin = (): void => {
    const lane = random(lives.length);
    const key = `${lane}/${lives[lane]}`;
    if (calls.has(key)) return;
    attempts.set(key, (attempts.get(key) ?? 0) + 1);
    calls.set(key, world.call(key, attempts.get(key)));
  };
  const speak = (): void => {
    const call = pick();
    const word = WORDS[random(WORDS.length)] ?? "";
    if (!call) return;
    said.set(call.step.stream(), (said.get(call.step.stream()) ?? "") + word);
    call.step.append(word);
  };
  const finish = (): void => {
    const call = pick();
    if (!call) return;
    calls.delete(call.step.stepKey);
    const lane = Number(call.step.stepKey.split("/")[0]);
    lives[lane] = (lives[lane] ?? 0) + 1;
    call.finish(said.get(call.step.stream()) ?? "");
  };
  const die = (): void => {
    const call = pick();
    if (!call) return;
    calls.delete(call.step.stepKey);
    call.die();
  };
  const restart = (): void => {
    for (const call of calls.values()) call.die();
    calls.clear();
    world = createStreaming(journals);
    restarts++;
  };
  const actions: readonly (readonly [weight: number, act: () => void])[] = [
    [4, begin],
    [20, speak],
    [2, () => pick()?.step.restart()],
    [3, finish],
    [1, die],
    [2, () => world.change(Phase.RUNNING)],
    [1, restart],
  ];
  return {
    journals,
    said,
    calls,
    world: () => world,
    restarts: () => restarts,
    act() {
      let left = random(actions.reduce((sum, [weight]) => sum + weight, 0));
      for (const [weight, act] of actions) {
        left -= weight;
        if (left < 0) return act();
      }
    },
    end() {
      for (const call of calls.values()) call.finish(said.get(call.step.stream()) ?? "");
      world.change(Phase.SUCCEEDED);
    },
  };
}

type History = ReturnType<typeof createHistory>;

/** A client by the contract: it is cut, comes back with what it has, and takes what comes now quickly and now slowly. */
function createReader(random: Random, history: History) {
  const sequences: number[] = [];
  const open = new Map<string, { stream: string; text: string }>();
  let newest: string | undefined;
  let restarts = -1;
  let source: TestReader | undefined;
  let taking: Promise<boolean> | undefined;

  function connect(): void {
    const named = newest === undefined ? undefined : open.get(newest);
    const fromOffset = BigInt(Buffer.byteLength(named?.text ?? ""));
    restarts = history.restarts();
    source = history
      .world()
      .subscribe({ fromSequence: BigInt(sequences.length + 1), fromOffset, fromStream: named?.stream ?? "" });
  }

  function take({ message }: SubscribeResponse): void {
    if (message.case === "entry") takeEntry(Number(message.value.sequence), message.value.event);
    else if (message.case === "delta") takeDelta(message.value);
    else if (message.case === "restarted") forget(message.value.stepKey);
    else throw new Error("an empty message");
  }

  function takeDelta({ stepKey, stream, offset, text }: TextDelta): void {
    const call = open.get(stepKey) ?? { stream, text: "" };
    expect({ stepKey, stream, offset }).toEqual({
      ...{ stepKey, stream: call.stream },
      offset: BigInt(Buffer.byteLength(call.text)),
    });
    open.set(stepKey, { stream, text: call.text + text });
    newest = stepKey;
    expect(
      history.said
        .get(stream)
        ?.toWellFormed()
        .startsWith(call.text + text),
    ).toBe(true);
  }

  function takeEntry(sequence: number, bytes: Uint8Array): void {
    expect(sequence).toBe(sequences.length + 1);
    sequences.push(sequence);
    const { event, stepKey } = fromBinary(ExecutionEventSchema, bytes);
    if (event.case !== "modelCallStarted" && event.case !== "modelCallFinished") return;
    forget(stepKey);
  }

  function forget(stepKey: string): void {
    open.delete(stepKey);
    if (newest === stepKey) newest = [...open.keys()][0];
  }

  /** Takes what comes together next; false where the stream has ended. */
  function takeNext(): Promise<boolean> {
    if (!source || restarts !== history.restarts()) cut();
    taking ??= (async (from) => {
      try {
        const batch = await from?.next();
        if (from !== source) return true;
        for (const response of batch ?? []) take(response);
        return batch !== undefined;
      } finally {
        if (from === source) taking = undefined;
      }
    })(source);
    return taking;
  }

  function cut(): void {
    taking?.catch(() => {}); // it was left
    source?.leave();
    taking = undefined;
    connect();
  }

  let failure: unknown;
  return {
    sequences,
    act() {
      if (failure) throw failure;
      const choice = random(10);
      if (choice === 0) cut();
      else if (choice < 7)
        takeNext().catch((error: unknown) => {
          if (!(error instanceof Error && error.message === "left")) failure = error;
        });
    },
    /** Takes all that is there: then it has what the calls have said. */
    async settled() {
      for (let count = 0; count < 400; count++) {
        void takeNext().catch((error: unknown) => {
          failure = error;
        });
        await turn();
      }
      if (failure) throw failure;
      for (const { step } of history.calls.values()) {
        const said = step.piece(0, Number.MAX_SAFE_INTEGER).text;
        expect(open.get(step.stepKey)?.text ?? "").toBe(said);
      }
    },
    async toEnd() {
      while (await takeNext());
    },
  };
}

async function settle(): Promise<void> {
  for (let count = 0; count < 20; count++) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers from 0 on, the same for the same seed. */
function createRandom(seed: number): Random {
  let state = seed * 0x9e3779b9;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
