import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  ApprovalCause,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalQueryController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { eventsOf, eventsUntil, untilPhase, valuesOf } from "./journal.fake.ts";
import { startTimeOf } from "./processes.ts";
import { createAgent, createServer, execute, idOf } from "./resources.fake.ts";
import { startTestDaemon } from "./test-daemon.fake.ts";

const ENTRY = join(import.meta.dirname, "hanging-runner.fake.ts");

it("starts a runner, asks a person when it is killed in a destructive call, and ends it with the daemon", async () => {
  await using daemon = await startTestDaemon({ runnerEntry: ENTRY });
  const { client } = daemon;
  await createServer(client, "files");
  await createAgent(client, { servers: ["files"] });
  const model = daemon.script([{ toolCalls: [{ name: "files__act", arguments: {} }] }]);
  const id = idOf(await execute(client, { model }));
  const asked = await untilPhase(client, id, Phase.WAITING_FOR_APPROVAL);
  await client
    .service(ApprovalCommandController)
    .decide({ id: asked.status?.approvalId ?? "", decision: ApprovalDecision.APPROVED });
  await eventsUntil(client, id, ({ event }) => event.case === "toolCallStarted");
  const killed = recordOf(daemon.home);

  process.kill(killed.pid, "SIGKILL");
  const again = await untilPhase(client, id, Phase.WAITING_FOR_APPROVAL, 2);
  const approval = await client.service(ApprovalQueryController).get({ id: again.status?.approvalId ?? "" });
  const replaced = recordOf(daemon.home);
  const events = await eventsOf(client, id);
  await daemon.stop();

  expect(approval.spec?.cause).toBe(ApprovalCause.UNCERTAIN);
  expect(valuesOf(events, "toolCallStarted")).toHaveLength(1);
  expect(replaced.pid).not.toBe(killed.pid);
  expect([killed, replaced].map(({ pid }) => startTimeOf(pid))).toEqual([undefined, undefined]);
  expect(existsSync(join(daemon.home, "data/runner.json"))).toBe(false);
});

function recordOf(home: string): { readonly pid: number; readonly instance: string } {
  return JSON.parse(readFileSync(join(home, "data/runner.json"), "utf8"));
}
