import { type KeyStore, NoPlace, PlaceAway } from "./key-store.ts";

/** What the operating system's keychain offers, as `@napi-rs/keyring` gives it. */
export interface KeychainEntry {
  setPassword(password: string, signal?: AbortSignal): Promise<void>;
  getPassword(signal?: AbortSignal): Promise<string | null | undefined>;
  deleteCredential(signal?: AbortSignal): Promise<boolean>;
}

export type KeychainOptions = {
  /** Opens the entry of an account; throws where the machine has no keychain. */
  readonly entry?: (account: string) => Promise<KeychainEntry>;
  /** How long the keychain may take to answer; 10 s unless told. A person may have to unlock it. */
  readonly patienceMs?: number;
};

const SERVICE = "stigmer";
const PATIENCE_MS = 10_000;
const FORM = /^[0-9a-f]{64}$/;

/**
 * Keys in the operating system's keychain. `save` throws `NoPlace` where the machine has none; whatever else keeps a key away is
 * `PlaceAway`. One request is under way at a time, and none is waited for beyond its time.
 */
export function keychain({ entry = systemEntry, patienceMs = PATIENCE_MS }: KeychainOptions = {}): KeyStore {
  let turn: Promise<unknown> = Promise.resolve();
  const ask = <T>(id: string, run: (entry: KeychainEntry, signal: AbortSignal) => Promise<T>): Promise<T> => {
    const answer = turn.then(async () => await run(await entry(`sealing-key/${id}`), AbortSignal.timeout(patienceMs)));
    turn = answer.catch(() => {});
    return within(patienceMs, answer);
  };
  return {
    save: (id, key) =>
      ask(id, async (one, signal) => {
        const text = Buffer.from(key).toString("hex");
        await one.setPassword(text, signal);
        if ((await one.getPassword(signal)) !== text) throw new PlaceAway("the keychain did not keep a key");
      }).catch((error: unknown) => {
        throw isMissing(error) ? new NoPlace("this machine has no keychain", { cause: error }) : away(error);
      }),
    async load(id) {
      const text = await ask(id, (one, signal) => one.getPassword(signal)).catch((error: unknown) => {
        throw away(error);
      });
      if (!text) return undefined;
      if (!FORM.test(text)) throw new PlaceAway(`the keychain's entry ${SERVICE}/sealing-key/${id} holds no key`);
      return Buffer.from(text, "hex");
    },
    async remove(id) {
      await ask(id, (one, signal) => one.deleteCredential(signal)).catch((error: unknown) => {
        throw away(error);
      });
    },
  };
}

// Linux' kernel keyring forgets everything when the machine restarts, so only the Secret Service will do.
const LINUX = { linux: { store: "secret-service" } } as const;

async function systemEntry(account: string): Promise<KeychainEntry> {
  const { AsyncEntry } = await import("@napi-rs/keyring").catch((cause: unknown) => {
    throw new NoPlace("there is no keychain for this platform", { cause });
  });
  return new AsyncEntry(SERVICE, account, LINUX);
}

/** No bus, no service on it, or a service without any collection: there is nothing that could be unlocked. */
const MISSING =
  /dbus|autolaunch|was not provided by any|ServiceUnknown|no result found|no such (file|interface)|not supported/i;
const LOCKED = /unlock|locked|dismissed|prompt/i;

function isMissing(error: unknown): boolean {
  if (error instanceof NoPlace) return true;
  return error instanceof Error && MISSING.test(error.message) && !LOCKED.test(error.message);
}

function away(error: unknown): Error {
  if (error instanceof PlaceAway) return error;
  const why = error instanceof Error ? error.message : String(error);
  const what = LOCKED.test(why) ? "the keychain is locked; unlock it" : "the keychain can't be reached; start it";
  return new PlaceAway(`${what} (${why})`, { cause: error });
}

function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new PlaceAway("the keychain does not answer; unlock it");
    const timer = setTimeout(() => reject(late), ms);
    void answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
