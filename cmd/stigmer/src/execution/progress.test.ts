import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ExecutionEventSchema, SubscribeResponseSchema, ToolCallProgressSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { paintFor } from "../output/paint.ts";
import { advance, type Item, START } from "./cursor.ts";
import { itemJson } from "./event-json.ts";
import { createPlainScreen } from "./screen.ts";
import { EMPTY_VIEW, render } from "./view.ts";

const stderr = { isTTY: false, columns: 80, write: async (text: string) => void written.push(text) };
const written: string[] = [];
const paint = paintFor(stderr, {});

const progress = (of: MessageInitShape<typeof ToolCallProgressSchema>): Item => ({
  kind: "progress",
  progress: create(ToolCallProgressSchema, { stepKey: "s1", attempt: 1, progress: 3, ...of }),
});

/** A view in which the call `c1` runs. */
function running() {
  const calls = { case: "toolCall" as const, value: { id: "c1", name: "read", arguments: "{}" } };
  const message = { parts: [{ part: calls }] };
  const asked = create(ExecutionEventSchema, { event: { case: "modelCallFinished", value: { message } } });
  const call = { id: "c1", name: "read", arguments: "{}" };
  const begun = create(ExecutionEventSchema, { stepKey: "s1", event: { case: "toolCallStarted", value: { call } } });
  const first = render(EMPTY_VIEW, { kind: "entry", sequence: 1, event: asked }, paint);
  return render(first.view, { kind: "entry", sequence: 2, event: begun }, paint).view;
}

it.each<[string, MessageInitShape<typeof ToolCallProgressSchema>, string]>([
  ["how far it is, and what the server says", { total: 10, message: "three files" }, "→ read 3 of 10 three files\n"],
  ["how far it is, where nobody knows the end", {}, "→ read 3\n"],
  ["nothing that draws on the terminal", { message: "\u001b[2J" }, "→ read 3 \\x1b[2J\n"],
])("says of a call that runs %s, in its line's place", (_, of, text) => {
  expect(render(running(), progress(of), paint).outputs).toEqual([{ to: "stderr", text, opens: "c1", fleeting: true }]);
});

it("says nothing of a call that it has not seen", () => {
  expect(render(EMPTY_VIEW, progress({}), paint).outputs).toEqual([]);
});

it("is not written where nothing can be drawn over", async () => {
  const { outputs } = render(running(), progress({}), paint);

  await createPlainScreen({ stdout: stderr, stderr, env: {} }).show(outputs, { ends: false });

  expect(written).toEqual([]);
});

it("is a line of its own for a program", () => {
  const { items } = advance(
    START,
    create(SubscribeResponseSchema, { message: { case: "toolProgress", value: { stepKey: "s1", progress: 3 } } }),
  );

  expect(items.map(itemJson)).toEqual([{ toolProgress: { stepKey: "s1", progress: 3 } }]);
});
