import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { failed } from "../failure.ts";

/** Where a browser is sent back to after a sign-in. */
export interface RedirectListener extends AsyncDisposable {
  readonly uri: string;
  /** The parameters of the first browser that comes back with this state; rejects when the signal aborts. */
  next(state: string, signal: AbortSignal): Promise<URLSearchParams>;
}

const PAGE = "You are back from the sign-in. This window may be closed; see what the terminal says.\n";

/** Listens on 127.0.0.1 only, at one path, on the given port or a free one where it is 0. */
export async function listenForRedirect(of: {
  readonly port: number;
  readonly path: string;
}): Promise<RedirectListener> {
  const came = new EventTarget();
  let awaited: string | undefined;
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const said = paramsOf(request, of.path);
    if (!said || awaited === undefined || said.get("state") !== awaited) return answer(response, 404, "not found\n");
    awaited = undefined; // once
    answer(response, 200, PAGE, () => came.dispatchEvent(new CustomEvent("redirect", { detail: said })));
  });
  server.maxConnections = 16;
  server.listen(of.port, "127.0.0.1");
  await once(server, "listening").catch((error: NodeJS.ErrnoException) => {
    throw failed(`can't listen on port ${of.port}: ${error.code ?? error.message}`, "choose another --callback-port");
  });
  const { port } = server.address() as AddressInfo;
  return {
    uri: `http://127.0.0.1:${port}${of.path}`,
    async next(state, signal) {
      awaited = state;
      const [event] = (await once(came, "redirect", { signal })) as [CustomEvent<URLSearchParams>];
      return event.detail;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function paramsOf({ method, url = "" }: IncomingMessage, path: string): URLSearchParams | undefined {
  if (method !== "GET" || !URL.canParse(url, "http://127.0.0.1")) return undefined;
  const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
  return pathname === path ? searchParams : undefined;
}

function answer(response: ServerResponse, status: number, text: string, sent?: () => void): void {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", connection: "close" };
  response.writeHead(status, headers).end(text, sent);
}
