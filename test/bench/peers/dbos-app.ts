/** The peer: workflows of DBOS, whose steps do nothing. Client and runner are one process, as DBOS is a library. */
import { DBOS } from "@dbos-inc/dbos-sdk";
import { STEPS } from "../execution/names.ts";
import { answerQuestions } from "../harness/programs.ts";
import { type LanesJob, runLanes } from "../load/lanes.ts";

// The library itself calls its database's driver in a way that the driver warns of.
process.noDeprecation = true;

let ended = 0;

const steps = DBOS.registerWorkflow(
  async () => {
    for (let step = 1; step <= STEPS; step++) {
      await DBOS.runStep(async () => "ok", { name: `step ${step}` });
      ended++;
    }
    return "done";
  },
  { name: "steps" },
);

type Question = { readonly database: string } | { readonly ended: true } | LanesJob;

answerQuestions<Question, unknown>(async (question) => {
  if ("ended" in question) return ended;
  if ("database" in question) {
    DBOS.setConfig({ name: "bench", systemDatabaseUrl: question.database, logLevel: "error", runAdminServer: false });
    return await DBOS.launch();
  }
  return await runLanes(question, async () => {
    const handle = await DBOS.startWorkflow(steps)();
    await handle.getResult();
  });
});
