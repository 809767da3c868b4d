/** Watches that have seen all there is, by what they wait for. */
export type Sleepers = {
  /** `woken` resolves with what `wake` is given, or with undefined when the signal, which must not be aborted yet, aborts. */
  sleep(topic: string, signal: AbortSignal): Sleep;
  wake(topic: string, revision: number): void;
  wakeAll(revision: number): void;
  readonly any: boolean;
};

export type Sleep = {
  readonly woken: Promise<number | undefined>;
  /** True until the very moment at which it is woken. */
  readonly asleep: boolean;
};

type Wake = (revision: number | undefined) => void;

export function createSleepers(): Sleepers {
  const topics = new Map<string, Set<Wake>>();

  function sleep(topic: string, signal: AbortSignal): Sleep {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    let asleep = true;
    const abort = () => awake(undefined);
    const awake: Wake = (revision) => {
      asleep = false;
      remove(topic, awake);
      signal.removeEventListener("abort", abort);
      resolve(revision);
    };
    signal.addEventListener("abort", abort);
    topics.set(topic, (topics.get(topic) ?? new Set()).add(awake));
    return {
      woken: promise,
      get asleep() {
        return asleep;
      },
    };
  }

  function remove(topic: string, awake: Wake): void {
    const sleepers = topics.get(topic);
    sleepers?.delete(awake);
    if (sleepers?.size === 0) topics.delete(topic);
  }

  function wake(topic: string, revision: number): void {
    for (const awake of [...(topics.get(topic) ?? [])]) awake(revision);
  }

  return {
    sleep,
    wake,
    wakeAll: (revision) => {
      for (const topic of [...topics.keys()]) wake(topic, revision);
    },
    get any() {
      return topics.size > 0;
    },
  };
}
