import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ApprovalDecision, ApprovalScope, ExecutionEventSchema, ExecutionPhase } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { timelineLine } from "./timeline.ts";

type Event = NonNullable<MessageInitShape<typeof ExecutionEventSchema>["event"]>;

const time = timestampFromMs(Date.parse("2026-01-31T12:00:00Z"));
const approved = { approvalId: "apr_1", decision: ApprovalDecision.APPROVED, decidedBy: "ada" };

it.each<[string, Event]>([
  ["approval apr_1 approved by ada", { case: "approvalDecided", value: approved }],
  [
    'approval apr_1 approved for every tool of this server by ada, with other arguments: {"a":1}: fine\\x1b[2J',
    {
      case: "approvalDecided",
      value: { ...approved, scope: ApprovalScope.SERVER, arguments: '{"a":1}', comment: "fine\x1b[2J" },
    },
  ],
  [
    "approval apr_1 skipped by ada",
    { case: "approvalDecided", value: { ...approved, decision: ApprovalDecision.SKIPPED } },
  ],
  ["approval apr_1 was not decided in time: escalated", { case: "approvalEscalated", value: { approvalId: "apr_1" } }],
  ["goes on from a conversation of 2 messages", { case: "historyBound", value: { messageHashes: [hash(), hash()] } }],
  [
    "sub-agent writer started as aex_2",
    { case: "subAgentStarted", value: { agent: "writer", executionId: "aex_2", call: { name: "writer" } } },
  ],
  [
    'sub-agent aex_2 failed: "no\\nway"',
    {
      case: "subAgentEnded",
      value: { executionId: "aex_2", phase: ExecutionPhase.FAILED, result: { content: "no\nway" } },
    },
  ],
  [
    'asks the user: "Which?" (red, blue)',
    { case: "inputRequested", value: { question: { text: "Which?", options: ["red", "blue"] } } },
  ],
  ['answered by ada: "red"', { case: "inputProvided", value: { by: "ada", result: { content: "red" } } }],
  [
    "cancel requested by ada: enough; it ends by 2026-01-31T12:00:00.000Z",
    { case: "cancelRequested", value: { by: "ada", comment: "enough", deadline: time } },
  ],
  [
    "retried by ada; made again: turn/1/model, turn/1/tool/c1",
    { case: "retried", value: { by: "ada", steps: ["turn/1/model", "turn/1/tool/c1"] } },
  ],
  [
    "refused a late message of runner r: result of turn/1",
    { case: "lateMessage", value: { runner: "r", message: "result of turn/1" } },
  ],
  [
    "paused by ada: lunch",
    { case: "phaseChanged", value: { phase: ExecutionPhase.PAUSED, by: "ada", comment: "lunch" } },
  ],
  [
    'created for agent a with x/y, a fork of aex_1 at 4: "hi"',
    {
      case: "created",
      value: { agent: "a", model: "x/y", message: "hi", fork: { executionId: "aex_1", sequence: 4n } },
    },
  ],
  [
    'created for agent a with x/y, asked by aex_1: "hi"',
    { case: "created", value: { agent: "a", model: "x/y", message: "hi", parent: { executionId: "aex_1" } } },
  ],
])("a timeline says: %s", (expected, event) => {
  const item = { kind: "entry", sequence: 1, event: create(ExecutionEventSchema, { event }) } as const;

  expect(timelineLine(item, { delimited: true })).toBe(`\t1\t${event.case}\t${expected}\n`);
});

function hash(): Uint8Array {
  return new Uint8Array([1]);
}
