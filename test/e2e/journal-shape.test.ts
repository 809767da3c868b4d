import { fromBinary } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  AgentExecutionQueryController,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalScope,
  ExecutionEventSchema,
  ExecutionPhase,
  ExecutionQueryController,
} from "@stigmer/contracts/agentic";
import { anthropicStandin, ollamaStandin, openaiStandin, type Script, type Standin } from "@stigmer/standins";
import { expect, it } from "vitest";
import { eventually, startDaemon } from "./harness.ts";
import { applyNotes, executeNotes, notesWorkspace } from "./notes.ts";

/** A tool call that a person has to approve, then two at once, then the answer. */
const SCRIPT: Script = {
  turns: [
    {
      thinking: "Somebody wants milk.",
      text: "I will write that down.",
      toolCalls: [{ id: "c1", name: "notes__append_note", arguments: { text: "buy milk" } }],
    },
    {
      toolCalls: [
        { id: "c2", name: "notes__append_note", arguments: { text: "buy honey" } },
        { id: "c3", name: "notes__read_notes", arguments: {} },
      ],
    },
    { text: "Done." },
  ],
};

/** Executions side by side; each starts a tool server. */
const AT_ONCE = 4;

it("gives the same agent the same journal, whoever provides the model, streamed or not", async () => {
  await using openai = await openaiStandin({ script: SCRIPT });
  await using anthropic = await anthropicStandin({ script: SCRIPT });
  await using ollama = await ollamaStandin({ script: SCRIPT });
  const apis = { chat: openai, responses: openai, messages: anthropic, ollama };
  const providers = Object.entries(apis).flatMap(([api, { url }]) => [
    { name: api, line: `  ${api}: { api: ${api}, baseUrl: "${url}" }` },
    { name: `${api}-at-once`, line: `  ${api}-at-once: { api: ${api}, baseUrl: "${url}", stream: false }` },
  ]);
  await using daemon = await startDaemon({ config: `providers:\n${providers.map(({ line }) => line).join("\n")}\n` });
  await applyNotes(daemon.client);

  const shapes = new Map<string, readonly string[]>();
  const look = async (name: string) => shapes.set(name, await shapeOf(daemon.client, `${name}/claude-sonnet-4-5`));
  for (let at = 0; at < providers.length; at += AT_ONCE) {
    await Promise.all(providers.slice(at, at + AT_ONCE).map(({ name }) => look(name)));
  }

  const expected = shapes.get("chat");
  expect(expected?.filter((line) => line.startsWith("modelCallFinished"))).toEqual([
    "modelCallFinished turn/1/model",
    "modelCallFinished turn/2/model",
    "modelCallFinished turn/3/model",
  ]);
  expect(expected).toContain("toolCallFinished turn/2/tool/c3");
  for (const [name, shape] of shapes) expect(shape, name).toEqual(expected);
  // What the model thought comes back to its provider, from the journal and by the runner.
  expect(anthropic.requests.filter(({ body }) => JSON.stringify(body).includes("Somebody wants milk."))).toHaveLength(
    4,
  );
  for (const standin of [openai, anthropic, ollama]) expect(streamsIn(standin)).toEqual([false, true]);
}, 120_000);

/** The kinds of an execution's events with their step keys; calls that run side by side in the order of their keys. */
async function shapeOf(client: Client, model: string): Promise<readonly string[]> {
  const started = await executeNotes(client, notesWorkspace(), model);
  const id = started.metadata?.id ?? "";
  await approveServer(client, id);
  const events: string[] = [];
  for await (const { message } of client.service(ExecutionQueryController).subscribe({ executionId: id })) {
    if (message.case !== "entry") continue;
    const { event, stepKey } = fromBinary(ExecutionEventSchema, message.value.event);
    events.push(`${event.case} ${stepKey}`);
  }
  return [...events.filter((line) => !isTool(line)), ...events.filter(isTool).toSorted()];
}

function isTool(line: string): boolean {
  return line.startsWith("toolCall");
}

async function approveServer(client: Client, id: string): Promise<void> {
  await eventually(async () => {
    const { status } = await client.service(AgentExecutionQueryController).get({ id });
    if (status?.phase === ExecutionPhase.SUCCEEDED) return true;
    if ((status?.phase ?? 0) > ExecutionPhase.SUCCEEDED) throw new Error(`${id}: ${status?.error?.message}`);
    const { approvalId } = status ?? {};
    if (approvalId) {
      const scope = ApprovalScope.SERVER;
      await client
        .service(ApprovalCommandController)
        .decide({ id: approvalId, decision: ApprovalDecision.APPROVED, scope });
    }
    return undefined;
  }, `execution ${id} to end`);
}

/** The ways in which answers were asked for: as a stream or not. */
function streamsIn({ requests }: Standin): boolean[] {
  return [...new Set(requests.map(({ body }) => (body as { stream: boolean }).stream))].toSorted();
}
