import { isFault } from "@stigmer/base";
import type { LightClient } from "@stigmer/client/light";
import type { Deps } from "../deps.ts";
import { interrupted } from "../failure.ts";

const PATIENCE_MS = 3000;

/** What a backend says about itself. */
export type ServerFacts = {
  readonly implementation: string;
  readonly version: string;
  /** 0 where it says none. */
  readonly pid: number;
  /** Empty where it keeps no data on this machine. */
  readonly dataDir: string;
};

/** A backend that has answered. */
export type Answer = { readonly client: LightClient; readonly info: ServerFacts };

/** Nothing is there, or something that takes connections and says nothing in time. */
export type NoAnswer = "nobody" | "silent";

export const GET_INFO = "/ai.stigmer.platform.server.v1.ServerQueryController/getInfo";

/** Asks what answers at a URL, and closes the connection where nothing that speaks the contract does. */
export async function ask(deps: Deps, url: string, patienceMs = PATIENCE_MS): Promise<Answer | NoAnswer> {
  const client = await deps.connect(url, { attempts: 1 });
  try {
    const call = { timeoutMs: patienceMs, signal: deps.interrupt };
    return { client, info: factsOf(await client.json({ path: GET_INFO, request: {} }, call)) };
  } catch (error) {
    client.close();
    if (deps.interrupt.aborted) throw interrupted();
    // What is no fault is a deadline.
    return isFault(error) || error instanceof SyntaxError ? "nobody" : "silent";
  }
}

/** The backend at a URL; undefined where none answers. The caller closes the client. */
export async function probe(deps: Deps, url: string, patienceMs = PATIENCE_MS): Promise<Answer | undefined> {
  const answer = await ask(deps, url, patienceMs);
  return typeof answer === "string" ? undefined : answer;
}

function factsOf(info: Readonly<Record<string, unknown>>): ServerFacts {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const { implementation, version, pid, dataDir } = info;
  return {
    implementation: text(implementation),
    version: text(version),
    pid: Number(pid ?? 0),
    dataDir: text(dataDir),
  };
}
