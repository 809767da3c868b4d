import { startBenchDaemon } from "../harness/bench-daemon.ts";
import { type Goal, type Row, rowOf } from "../harness/row.ts";
import { type Form, interleaved, type Part } from "../harness/run-bench.ts";
import { temporaryHome } from "../harness/temporary-home.ts";
import { makeAgents } from "../rpc/agents.ts";
import { timeNode, timeStigmer } from "./timed.ts";

/** A command is over in a moment, so it takes more of them to see a difference. */
const RUNS_PER_PAIR = 4;
const AGENTS = 20;

export const version: Part = {
  name: "version",
  run: async (form) => [
    await compare(form, { args: ["version"], home: temporaryHome(form.resources), goal: "<= 1.6" }),
  ],
};

export const listAgents: Part = {
  name: "list",
  async run(form) {
    const { client, home } = await startBenchDaemon(form);
    await makeAgents(client, AGENTS);
    const row = await compare(form, { args: ["list", "agents"], home, goal: "<= 3" });
    return [{ ...row, row: `${row.row} with a daemon running` }];
  },
};

type Command = { readonly args: readonly string[]; readonly home: string; readonly goal: Goal };

async function compare(form: Form, { args, home, goal }: Command): Promise<Row> {
  timeStigmer(args, home); // fills caches, which a user's second command finds full
  const figures = await interleaved(form.pairs * RUNS_PER_PAIR, {
    ours: async () => timeStigmer(args, home),
    node: async () => timeNode(home),
  });
  return rowOf({
    row: `stigmer ${args.join(" ")}`,
    unit: "ms",
    ours: { name: "stigmer", values: figures.ours },
    peer: { name: "node -e 0", values: figures.node },
    goal,
  });
}
