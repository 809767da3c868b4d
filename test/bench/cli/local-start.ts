import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rowOf } from "../harness/row.ts";
import { interleaved, type Part } from "../harness/run-bench.ts";
import { temporaryHome } from "../harness/temporary-home.ts";
import { timeNode, timeStigmer } from "./timed.ts";

const GET_INFO = "ai.stigmer.platform.server.v1.ServerQueryController/getInfo";

export const localStart: Part = {
  name: "local start",
  async run(form) {
    const home = temporaryHome(form.resources);
    form.resources.defer(() => void timeStigmer(["local", "stop"], home));
    const figures = await interleaved(form.pairs, {
      ours: () => toFirstAnswer(home),
      node: async () => timeNode(home),
    });
    return [
      rowOf({
        row: "stigmer local start to the first answer",
        unit: "ms",
        ours: { name: "stigmer", values: figures.ours },
        peer: { name: "node -e 0", values: figures.node },
        goal: "<= 12",
      }),
    ];
  },
};

/** From the command's start until the daemon it has started has answered a call of ours. */
async function toFirstAnswer(home: string): Promise<number> {
  const started = timeStigmer(["local", "start"], home);
  const began = performance.now();
  const { url } = JSON.parse(readFileSync(join(home, "data/daemon.json"), "utf8"));
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/${GET_INFO}`, { method: "POST", headers, body: "{}" });
  if (!answer.ok) throw new Error(`getInfo answered ${answer.status}: ${await answer.text()}`);
  const took = started + (performance.now() - began);
  timeStigmer(["local", "stop"], home);
  return took;
}
