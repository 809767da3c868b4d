import { clientOver } from "@stigmer/client";
import { agentLoop } from "@stigmer/runner/agent-loop";
import { runRunner } from "@stigmer/sdk";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import type { ToolWorld } from "./tools.ts";
import type { Trace } from "./trace.ts";
import { type Received, transportOver } from "./transport.ts";
import type { SimProcess } from "./virtual-time.ts";

/** A runner that is started again whenever it ends: the real kit and the real loop. */
export interface SimRunner {
  readonly name: string;
  readonly process: SimProcess;
  /** Ends it, with all that it knew. */
  crash(): void;
  freeze(): void;
  thaw(): void;
}

export type RunnerDeps = {
  readonly network: Network;
  readonly random: Random;
  readonly trace: Trace;
  readonly tools: ToolWorld;
  readonly received: (answer: Received) => void;
  readonly sent: (answer: Received) => void;
  /** Called with the instance of one that ended, where the daemon sees that. */
  readonly exited?: ((instance: string) => void) | undefined;
};

export function startRunner(deps: RunnerDeps, name: string, slots: number): SimRunner {
  const { network, trace, random } = deps;
  const { time } = network;
  const outside = time.current();
  let process = time.spawn(name);
  let instance = "";

  function begin(): void {
    process = time.spawn(name);
    instance = crypto.randomUUID();
    trace.note(`${name} starts as ${instance.slice(0, 8)}`);
    const mine = process;
    time.after(mine, 0, () => {
      const transport = transportOver({ network, client: mine, received: deps.received, sent: deps.sent });
      const client = clientOver(transport, { url: "sim" });
      const options = { client, name, instance, slots, agent: agentLoop, tools: deps.tools.hostIn(mine) };
      void runRunner(options).then(
        (end) => over(mine, end),
        (error) => over(mine, String(error)),
      );
    });
  }

  function over(which: SimProcess, why: string): void {
    if (which !== process || !which.alive) return;
    trace.note(`${name} ends: ${why}`);
    network.cutAll(which);
    time.kill(which);
    deps.exited?.(instance);
    time.after(outside, random.between(50, 2_000), begin);
  }

  begin();
  return {
    name,
    get process() {
      return process;
    },
    crash: () => over(process, "crashed"),
    freeze: () => time.freeze(process),
    thaw: () => time.thaw(process),
  };
}
