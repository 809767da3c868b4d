type Write = (fields: Record<string, unknown>, message: string) => void;

/** Where the kit's log lines go: fields first, then a constant message. pino is one. */
export interface Log {
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
}

const drop: Write = () => {};

/** Drops every line. */
export const silentLog: Log = { debug: drop, info: drop, warn: drop, error: drop };
