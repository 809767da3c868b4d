import type { Store } from "./store.ts";

/** A store of its own for one test; disposing of it closes the store and removes what it left. */
export type OpenedStore = AsyncDisposable & {
  /** Empty at first. */
  readonly store: Store;
  /** Closes the store, unless it is closed, and opens it again at the same place. */
  reopen(): Promise<Store>;
};

/** Opens an empty store. `keepChanges` is how many revisions back a watch must be able to start, and not much further. */
export type OpenStore = (limits: { readonly keepChanges: number }) => Promise<OpenedStore>;
