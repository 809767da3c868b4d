import type { Exchange, Interceptor } from "../exchange.ts";
import { late } from "../protocol-faults.ts";

/** What a timer of Node can wait at most. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Ends a unary call after the time that its client gave it, or after `ms` where it gave none. Streams have no end here. */
export function deadline(ms: number): Interceptor {
  return {
    unary<T>({ incoming: { timeoutMs, controller } }: Exchange, next: () => Promise<T>) {
      return new Promise<T>((resolve, reject) => {
        const end = (): void => {
          const fault = late(timeoutMs === undefined ? ms : undefined);
          controller.abort(fault);
          reject(fault);
        };
        if (timeoutMs !== undefined && timeoutMs <= 0) {
          end();
          return;
        }
        const timer = setTimeout(end, Math.min(timeoutMs ?? ms, MAX_DELAY_MS));
        next().then(
          (answer) => {
            clearTimeout(timer);
            resolve(answer);
          },
          (error) => {
            clearTimeout(timer);
            reject(error);
          },
        );
      });
    },
    stream: (_, next) => next(),
  };
}
