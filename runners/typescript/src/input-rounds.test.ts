import { ProtocolError } from "@modelcontextprotocol/client";
import type { ToolReply } from "@stigmer/sdk";
import { expect, it } from "vitest";
import { createFakeContext } from "./call-context.fake.ts";
import { withInput } from "./input-rounds.ts";
import type { RunningCall } from "./running-call.ts";

const form = { message: "Who?", requestedSchema: { type: "object", properties: {} } };
const wanting = (inputRequests: object | undefined, requestState?: string) => ({
  resultType: "input_required",
  ...(inputRequests && { inputRequests }),
  ...(requestState !== undefined && { requestState }),
});
const asking = (params: object = form) => ({ method: "elicitation/create", params });

function calling(reply: ToolReply = { action: "accept", content: '{"name":"Ada"}' }): RunningCall {
  const context = createFakeContext({ answer: () => reply });
  return {
    context,
    signal: context.signal,
    pause: () => () => {},
    ask: (question) => context.elicit(question),
  };
}

/** Gives one answer after the other, and keeps what it was asked with. */
function server(...answers: (object | Error)[]) {
  const sent: object[] = [];
  const send = async (params: object): Promise<object> => {
    sent.push(params);
    const answer = answers[sent.length - 1] ?? { content: [] };
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { sent, send };
}

it("sends the answers to all that is asked, with the state as it came, and nothing of one round in the next", async () => {
  const { sent, send } = server(wanting({ a: asking(), b: asking() }, "s1"), wanting({ c: asking() }), { done: true });

  const answer = await withInput(calling(), { name: "t" }, send);

  const accepted = { action: "accept", content: { name: "Ada" } };
  expect(answer).toEqual({ done: true });
  expect(sent).toEqual([
    { name: "t" },
    { name: "t", inputResponses: { a: accepted, b: accepted }, requestState: "s1" },
    { name: "t", inputResponses: { c: accepted } },
  ]);
});

it("comes again after a while where a server only wants to be asked later", async () => {
  const { sent, send } = server(wanting(undefined, "later"));
  const since = performance.now();

  await withInput(calling(), { name: "t" }, send);

  expect(sent).toEqual([{ name: "t" }, { name: "t", requestState: "later" }]);
  expect(performance.now() - since).toBeGreaterThan(200);
});

it("does not come again for ever", async () => {
  const forever = Array<object>(100).fill(wanting({ a: asking() }));
  const { sent, send } = server(...forever);

  await expect(withInput(calling(), {}, send)).rejects.toMatchObject({ reason: "LIMIT_REACHED" });
  expect(sent.length).toBeLessThan(50);
});

it("does not wait for a server that puts off a call which is cancelled", async () => {
  const stop = new AbortController();
  const { send } = server(...Array<object>(100).fill(wanting(undefined, "later")));
  const call = { ...calling(), signal: stop.signal };

  const answered = withInput(call, {}, send);
  stop.abort(new Error("cancelled"));

  await expect(answered).rejects.toThrow("cancelled");
});

it.each(["sampling/createMessage", "roots/list", 7])("refuses to do %s for a server", async (method) => {
  const { send } = server(wanting({ a: { method, params: {} } }));

  await expect(withInput(calling(), {}, send)).rejects.toThrow(/not done for it here/);
});

const openFirst = (elicitations: unknown) => new ProtocolError(-32042, "sign in first", { elicitations });
const url = { mode: "url", message: "Sign in", url: "https://example.com/", elicitationId: "e1" };

it("goes on once every URL that a server insists on was opened", async () => {
  const { sent, send } = server(openFirst([url, url]));
  const call = calling({ action: "accept", content: "" });

  await withInput(call, { name: "t" }, send);

  expect(sent).toEqual([{ name: "t" }, { name: "t" }]);
});

it("gives up where one was not opened", async () => {
  const { sent, send } = server(openFirst([url]));

  await expect(withInput(calling({ action: "decline", content: "" }), {}, send)).rejects.toThrow(/did not open/);
  expect(sent).toHaveLength(1);
});

it.each([undefined, [], "no list"])("passes on a refusal that names no URL: %j", async (elicitations) => {
  const { send } = server(openFirst(elicitations));

  await expect(withInput(calling(), {}, send)).rejects.toMatchObject({ code: -32042 });
});
