/** The time that a call may take; it stands still while a person is asked. */
export interface CallClock {
  /** Stops the time until the function returned is called; several may hold it. */
  pause(): () => void;
  stop(): void;
}

export function createCallClock(ms: number, onOver: () => void): CallClock {
  let leftMs = ms;
  let since = performance.now();
  let holders = 0;
  let timer: NodeJS.Timeout | undefined = setTimeout(onOver, leftMs);
  const hold = (): void => {
    if (holders++ > 0 || timer === undefined) return;
    clearTimeout(timer);
    leftMs = Math.max(0, leftMs - (performance.now() - since));
  };
  const letGo = (): void => {
    if (--holders > 0 || timer === undefined) return;
    since = performance.now();
    timer = setTimeout(onOver, leftMs);
  };
  return {
    pause() {
      hold();
      let isHeld = true;
      return () => {
        if (isHeld) letGo();
        isHeld = false;
      };
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
