/** Something that is written to, and how much of it its reader has not taken. */
export type Written = { readonly writableLength: number; on(event: "close", listener: () => void): unknown };

/** Ends what nobody reads. */
export interface StallGuard {
  /** Calls `end` where something waits to be sent for the guard's whole time, and none of it goes. */
  watch(written: Written, end: () => void): void;
  /** Says that some of it went, which its length alone may not show where more follows at once. */
  moved(written: Written): void;
  stop(): void;
}

type Watched = { readonly end: () => void; waiting: number; since: number; moved: boolean };

/** How often the guard looks in its time: it may end something late by this part of it, never early. */
const LOOKS = 4;

export function createStallGuard(ms: number): StallGuard {
  const all = new Map<Written, Watched>();
  const look = (): void => {
    const now = performance.now();
    for (const [{ writableLength }, watched] of all) {
      if (watched.moved || writableLength === 0 || writableLength !== watched.waiting)
        Object.assign(watched, { waiting: writableLength, since: now, moved: false });
      else if (now - watched.since >= ms) watched.end();
    }
  };
  const timer = setInterval(look, ms / LOOKS).unref();
  return {
    watch(written, end) {
      all.set(written, { end, waiting: 0, since: 0, moved: false });
      written.on("close", () => all.delete(written));
    },
    moved(written) {
      const watched = all.get(written);
      if (watched) watched.moved = true;
    },
    stop: () => clearInterval(timer),
  };
}
