import type { Client } from "@modelcontextprotocol/client";
import { createRateLimit } from "./rate-limit.ts";

const LISTEN_TIMEOUT_MS = 10_000;
const LISTEN_AGAIN_MS = 5_000;

export type Following = {
  /** What was known of the tools is not to be believed any more. */
  readonly forget: () => void;
  /** Lists them anew, and tells who wants to know. */
  readonly relist: () => Promise<void>;
};

/** Follows what a server says of changes to its tools, in either protocol, until the function returned is called. */
export function followToolChanges(client: Client, { forget, relist }: Following): () => void {
  const stop = new AbortController();
  const limit = createRateLimit({ burst: 4, perSecond: 0.2, now: () => performance.now() });
  let isListing = false;
  let isDue = false;
  const changed = async (): Promise<void> => {
    forget();
    isDue = true;
    if (isListing) return;
    isListing = true;
    // One that says so without end is listed again by the next call that needs its tools.
    while (isDue && !stop.signal.aborted && limit.take()) {
      isDue = false;
      // A server that can't list its tools shows that in the call that needs them.
      await relist().catch(() => {});
    }
    isListing = false;
  };
  client.setNotificationHandler("notifications/tools/list_changed", () => void changed());
  if (client.getProtocolEra() === "modern" && client.getServerCapabilities()?.tools?.listChanged) {
    // Never rejects.
    void listen(client, stop.signal);
  }
  return () => stop.abort();
}

/** In the newer protocol a server tells those who listen. One that does not let them is not asked again. */
async function listen(client: Client, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const options = { timeout: LISTEN_TIMEOUT_MS, signal };
    const subscription = await client.listen({ toolsListChanged: true }, options).catch(() => undefined);
    if ((await subscription?.closed) !== "remote") return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LISTEN_AGAIN_MS);
      signal.addEventListener("abort", () => resolve(), { once: true });
      timer.unref();
    });
  }
}
