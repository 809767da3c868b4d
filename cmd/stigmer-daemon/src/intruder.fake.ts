import { fromBinary } from "@bufbuild/protobuf";
import { type ExecutionEvent, ExecutionEventSchema } from "@stigmer/contracts/agentic";
import { type Batch, type RowKey, type Store, storeClosed, type Task } from "@stigmer/store";
import { openLevelStore } from "@stigmer/store-leveldb";

type Act = (store: Store) => Promise<unknown>;
type Trap<T> = { readonly matches: (of: T) => boolean; readonly act: Act };

/** Comes between a daemon and its store, at the moment that a test names, once. */
export interface Intruder {
  /** For the daemon to open its store with. */
  readonly openStore: typeof openLevelStore;
  /** Acts when the next commit that matches is about to be stored; where it throws, the commit is not stored. */
  beforeCommit(matches: (batch: Batch) => boolean, act: Act): void;
  /** The next commit that matches is the last that is stored, until the daemon opens its store again; tells when. */
  endAfter(matches: (batch: Batch) => boolean, stored: () => void): void;
  /** Acts when the next row that matches was read, before the reader has it. */
  afterRead(matches: (key: RowKey) => boolean, act: Act): void;
  /** The task of an execution, as it is stored. */
  task(id: string): Promise<Task | undefined>;
}

export function createIntruder(): Intruder {
  let opened: Store | undefined;
  let commits: Trap<Batch> | undefined;
  let reads: Trap<RowKey> | undefined;
  let last: { readonly matches: (batch: Batch) => boolean; readonly stored: () => void } | undefined;
  let isOver = false;
  return {
    async openStore(options) {
      const store = await openLevelStore(options);
      opened = store;
      last = undefined;
      isOver = false;
      return {
        ...store,
        async commit(batch, preconditions) {
          if (isOver) throw storeClosed();
          const trap = commits;
          if (trap?.matches(batch)) {
            commits = undefined;
            await trap.act(store);
          }
          if (!last?.matches(batch)) return await store.commit(batch, preconditions);
          isOver = true;
          return await store.commit(batch, preconditions).finally(last.stored);
        },
        async get(key) {
          const trap = reads;
          const row = await store.get(key);
          if (!trap?.matches(key)) return row;
          reads = undefined;
          await trap.act(store);
          return row;
        },
      };
    },
    beforeCommit(matches, act) {
      commits = { matches, act };
    },
    endAfter(matches, stored) {
      last = { matches, stored };
    },
    afterRead(matches, act) {
      reads = { matches, act };
    },
    task: async (id) => await opened?.task(agentTask(id)),
  };
}

/** Whether a batch adds an event of this kind to the journal of an execution; of any one unless told. */
export function adds(kind: ExecutionEvent["event"]["case"], execution?: string): (batch: Batch) => boolean {
  return ({ appends = [] }) =>
    appends
      .filter(({ stream }) => execution === undefined || stream.includes(execution))
      .flatMap(({ events }) => events)
      .some((bytes) => fromBinary(ExecutionEventSchema, bytes).event.case === kind);
}

/** Whether a batch does nothing but change the task of an execution. */
export function changesOnlyTask(id: string): (batch: Batch) => boolean {
  return ({ tasks = [], ...rest }) => Object.keys(rest).length === 0 && tasks.some((task) => task.id === id);
}

/** Ends the lease of an execution, whose task then sleeps, so that nobody takes it. */
export function endLease(id: string): Act {
  return async (store) => {
    const task = await store.task(agentTask(id));
    if (task) await store.commit({ tasks: [{ ...task, holder: "", dueAt: undefined }] });
  };
}

function agentTask(id: string) {
  return { tenant: "local", queue: "agent", id };
}
