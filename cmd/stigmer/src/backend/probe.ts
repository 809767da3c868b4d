import { Code, ConnectError } from "@connectrpc/connect";
import type { Client } from "@stigmer/client";
import { type ServerInfo, ServerQueryController } from "@stigmer/contracts/platform";
import type { Deps } from "../deps.ts";
import { interrupted } from "../failure.ts";

const PATIENCE_MS = 3000;

/** A backend that has answered. */
export type Answer = { readonly client: Client; readonly info: ServerInfo };

/** Nothing is there, or something that takes connections and says nothing in time. */
export type NoAnswer = "nobody" | "silent";

/** Asks what answers at a URL, and closes the connection where nothing that speaks the contract does. */
export async function ask(deps: Deps, url: string, patienceMs = PATIENCE_MS): Promise<Answer | NoAnswer> {
  const client = await deps.connect(url, { attempts: 1 });
  try {
    const call = { timeoutMs: patienceMs, signal: deps.interrupt };
    return { client, info: await client.service(ServerQueryController).getInfo({}, call) };
  } catch (error) {
    client.close();
    if (deps.interrupt.aborted) throw interrupted();
    return error instanceof ConnectError && error.code === Code.DeadlineExceeded ? "silent" : "nobody";
  }
}

/** The backend at a URL; undefined where none answers. The caller closes the client. */
export async function probe(deps: Deps, url: string, patienceMs = PATIENCE_MS): Promise<Answer | undefined> {
  const answer = await ask(deps, url, patienceMs);
  return typeof answer === "string" ? undefined : answer;
}
