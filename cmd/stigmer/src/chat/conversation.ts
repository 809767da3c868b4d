import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { AgentExecutionCommandController } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import { startExecution } from "../commands/agent-execute.ts";
import type { Deps } from "../deps.ts";
import { lookOn } from "../execution/look-on.ts";
import { seeToEnd } from "../execution/see-to-end.ts";
import type { ExecuteOptions } from "../execution/starting.ts";
import { EMPTY_TALLY, sumOf, type Tally } from "../execution/tally.ts";
import { explain } from "../explain.ts";
import { interrupted, misused } from "../failure.ts";
import { complain } from "../output/complain.ts";

/** A conversation with one agent, in one session. */
export interface Conversation {
  readonly agent: string;
  readonly json: boolean;
  /** Empty before the first message, unless one was named. */
  session(): string;
  /** Of the messages that come; empty means the agent's. */
  model(): string;
  setModel(model: string): void;
  /** Sends a file along with the next message; refuses one that is not there. Returns all that will be sent. */
  attach(path: string): Promise<readonly string[]>;
  /** What all of its executions have used. */
  tally(): Tally;
  /**
   * Says something and shows what comes of it; throws where that is no success. While it works, Ctrl-C cancels it, and a second one
   * leaves it to itself.
   */
  say(message: string): Promise<void>;
  /** Shows the newest execution again, with all that its calls took and answered; says so where there is none. */
  expand(): Promise<void>;
}

type ConversationOptions = ExecuteOptions & { readonly json: boolean };

export function createConversation(deps: Deps, backend: Backend, options: ConversationOptions): Conversation {
  const { name, json, approve, verbose } = options;
  let { session = "", model = "" } = options;
  let tally = EMPTY_TALLY;
  let newest = "";
  let attach: readonly string[] = [];
  return {
    ...{ agent: name, json },
    session: () => session,
    model: () => model,
    setModel(next) {
      model = next;
    },
    tally: () => tally,
    async attach(path) {
      const info = await stat(resolve(deps.cwd, path)).catch(() => undefined);
      if (!info?.isFile()) throw misused(`${path}: no such file`, "name a file of this machine: /attach notes.txt");
      attach = [...attach, path];
      return attach;
    },
    async say(message) {
      const { workspace, env } = options;
      const start = session ? { session } : { ...(workspace && { workspace }), ...(env && { env }) };
      const execution = await startExecution(deps, backend, {
        name,
        ...start,
        attach,
        message,
        ...(model && { model }),
      });
      attach = [];
      const executionId = execution.metadata?.id ?? "";
      session ||= execution.spec?.sessionId ?? "";
      newest = executionId;
      await withCancel(deps, backend, {
        executionId,
        act: (around) =>
          seeToEnd(around, backend, {
            ...{ executionId, approve, json, verbose },
            onTally: (used) => {
              tally = sumOf(tally, used);
            },
          }),
      });
    },
    async expand() {
      if (!newest) return await deps.stderr.write("nothing has been said yet\n");
      await lookOn(deps, backend, { executionId: newest, verbose: true });
    },
  };
}

type Cancellable = { readonly executionId: string; readonly act: (around: Deps) => Promise<void> };

async function withCancel(deps: Deps, backend: Backend, { executionId, act }: Cancellable): Promise<void> {
  const leave = new AbortController();
  let cancelled = false;
  using _caught = deps.catchInterrupts(() => {
    if (cancelled) return leave.abort();
    cancelled = true;
    void cancel(deps, backend, executionId);
  });
  const interrupt = AbortSignal.any([deps.interrupt, leave.signal]);
  try {
    await act({ ...deps, interrupt });
  } catch (error) {
    // What breaks after the second Ctrl-C is a consequence of it.
    if (leave.signal.aborted && !deps.interrupt.aborted) throw interrupted("", explain(error).next);
    throw error;
  }
}

/** The end of it comes with the journal; where it can't be cancelled that is said. */
async function cancel(deps: Deps, backend: Backend, id: string): Promise<void> {
  try {
    await deps.stderr.write("\ncancelling; Ctrl-C again leaves it\n");
    await backend.client().service(AgentExecutionCommandController).cancel({ id }, { signal: deps.interrupt });
  } catch (error) {
    await complain(deps, explain(error));
  }
}
