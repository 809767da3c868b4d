import { TodoState } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { entryResponse, journalOf } from "../backend.fake.ts";
import { advance, START } from "./cursor.ts";
import { timelineLine } from "./timeline.ts";

type Body = NonNullable<Parameters<typeof journalOf>[0]["event"]>;

it.each<[Body, string]>([
  [
    {
      case: "todosChanged",
      value: {
        todos: [
          { text: "read", state: TodoState.COMPLETED },
          { text: "wri\nte", state: TodoState.IN_PROGRESS },
          { text: "test", state: TodoState.PENDING },
        ],
      },
    },
    'to do: 1 of 3 done, now "wri\\nte"',
  ],
  [{ case: "todosChanged", value: { todos: [] } }, "to do: 0 of 0 done"],
  [{ case: "planApproved", value: { approvalId: "apr_1", plan: "1. act\x1b[1A" } }, 'plan approved: "1. act\\x1b[1A"'],
  [
    { case: "contextCompacted", value: { replacedMessages: 7, keptMessages: 3 } },
    "7 older messages of the conversation replaced by a summary, 3 kept",
  ],
])("tells in a line of the timeline: $case", (event, words) => {
  const [entry] = journalOf({ event });
  const [item] = entry ? advance(START, entryResponse(entry)).items : [];

  const line = item ? timelineLine(item, { delimited: true }) : "";

  expect(line.split("\t").slice(2)).toEqual([event.case, `${words}\n`]);
});
