import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ExecutionEventSchema, ExecutionPhase, ExecutionQueryController } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { startDaemon } from "./harness.ts";
import { applyNotes, approveUntilEnd, executeNotes, notesWorkspace } from "./notes.ts";

it("runs an agent whose tool changes a file after a person approved, with a journal that verifies", async () => {
  await using daemon = await startDaemon();
  const workspace = notesWorkspace();
  await applyNotes(daemon.client);

  const started = await executeNotes(daemon.client, workspace);
  const id = started.metadata?.id ?? "";
  const execution = await approveUntilEnd(daemon.client, id);

  expect(execution.status?.phase).toBe(ExecutionPhase.SUCCEEDED);
  expect(readFileSync(join(workspace, "notes.md"), "utf8")).toMatch(/^- buy milk <!-- .* -->\n$/);
  const events: string[] = [];
  for await (const { message } of daemon.client.service(ExecutionQueryController).subscribe({ executionId: id })) {
    if (message.case === "entry") events.push(fromBinary(ExecutionEventSchema, message.value.event).event.case ?? "");
  }
  expect(events).toEqual([
    "created",
    "phaseChanged",
    "leaseGranted",
    "phaseChanged",
    "toolsListed",
    "modelCallStarted",
    "modelCallFinished",
    "approvalRequested",
    "phaseChanged",
    "approvalDecided",
    "phaseChanged",
    "leaseGranted",
    "phaseChanged",
    "toolCallStarted",
    "toolCallFinished",
    "modelCallStarted",
    "modelCallFinished",
    "phaseChanged",
  ]);
  const verified = await daemon.client.service(ExecutionQueryController).verify({ executionId: id });
  expect(verified).toMatchObject({ valid: true, entries: BigInt(events.length) });
});
