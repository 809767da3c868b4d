import { create } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { deltaResponse, entryResponse, journalOf } from "../backend.fake.ts";
import { advance, type Item, resumeAt, START } from "./cursor.ts";

type Response = Parameters<typeof advance>[1];

const [created, started, finished] = journalOf(
  { event: { case: "created", value: {} } },
  { stepKey: "turn/1/model", attempt: 1, event: { case: "modelCallStarted", value: {} } },
  { stepKey: "turn/1/model", attempt: 1, event: { case: "modelCallFinished", value: {} } },
).map(entryResponse) as [Response, Response, Response];

describe("entries", () => {
  it("come once and in order, however often they are sent", () => {
    expect(take(created, created, started, created, finished).items).toEqual(["entry 1", "entry 2", "entry 3"]);
  });

  it("are never left out in silence", () => {
    expect(() => take(created, finished)).toThrow("left out entry 2");
  });
});

describe("text", () => {
  it.each([
    ["comes as it is sent", [deltaResponse("ab", 0), deltaResponse("cd", 2)], ["ab", "cd"]],
    ["that has come already is dropped", [deltaResponse("ab", 0), deltaResponse("ab", 0)], ["ab"]],
    ["that has come in part is completed", [deltaResponse("ab", 0), deltaResponse("bcd", 1)], ["ab", "cd"]],
    ["counts in bytes", [deltaResponse("äö", 0), deltaResponse("öü", 2), deltaResponse("!", 6)], ["äö", "ü", "!"]],
    ["after a gap waits for the closing entry", [deltaResponse("ab", 0), deltaResponse("x", 9)], ["ab"]],
    ["of an earlier try is dropped", [deltaResponse("ab", 0, 2), deltaResponse("x", 2, 1)], ["restarted", "ab"]],
    [
      "of another try begins anew, also where nobody said so",
      [deltaResponse("ab", 0), deltaResponse("x", 0, 2)],
      ["ab", "restarted", "x"],
    ],
    [
      "after a restart begins anew",
      [deltaResponse("ab", 0), restarted(1), deltaResponse("x", 0, 1)],
      ["ab", "restarted", "x"],
    ],
  ])("%s", (_, responses, expected) => {
    expect(take(created, started, ...responses).items.slice(2)).toEqual(expected);
  });

  it("of another stream begins anew, also where nobody said so", () => {
    const responses = [deltaOf("m", "ab", { stream: "one" }), deltaOf("m", "x", { stream: "two" })];

    expect(take(created, ...responses).items.slice(1)).toEqual(["ab", "restarted", "x"]);
  });

  it("of calls that are open at once is told apart", () => {
    const [a, b] = [deltaOf("a", "aa"), deltaOf("b", "bb")];

    expect(take(created, a, b, a, deltaOf("a", "!", { offset: 2 })).items.slice(1)).toEqual(["aa", "bb", "!"]);
  });
});

describe("a request to go on", () => {
  it("says how much of which stream has come, until the call ends", () => {
    const text = deltaOf("turn/1/model", "äb", { stream: "one" });
    const [before, after] = [take(created, started, text), take(created, started, text, finished)];

    expect(resumeAt(before.cursor)).toEqual({ fromSequence: 3n, fromOffset: 3n, fromStream: "one" });
    expect(resumeAt(after.cursor)).toEqual({ fromSequence: 4n, fromOffset: 0n, fromStream: "" });
  });

  it("names the call whose text came last, of those that are open", () => {
    const [a, b] = [deltaOf("a", "aa", { stream: "one" }), deltaOf("b", "bbb", { stream: "two" })];
    const [both, left] = [take(created, a, b), take(created, a, b, restartedOf("b"))];

    expect(resumeAt(both.cursor)).toMatchObject({ fromOffset: 3n, fromStream: "two" });
    expect(resumeAt(left.cursor)).toMatchObject({ fromOffset: 2n, fromStream: "one" });
  });
});

function take(...responses: Response[]) {
  let cursor = START;
  const items: string[] = [];
  for (const response of responses) {
    const step = advance(cursor, response);
    cursor = step.cursor;
    items.push(...step.items.map(nameOf));
  }
  return { cursor, items };
}

function nameOf(item: Item): string {
  if (item.kind === "entry") return `entry ${item.sequence}`;
  return item.kind === "delta" ? item.delta.text : "restarted";
}

function restarted(attempt: number): Response {
  return restartedOf("turn/1/model", attempt);
}

function restartedOf(stepKey: string, attempt = 1): Response {
  return create(SubscribeResponseSchema, { message: { case: "restarted", value: { stepKey, attempt } } });
}

function deltaOf(stepKey: string, text: string, { offset = 0, stream = "" } = {}): Response {
  const value = { stepKey, attempt: 1, offset: BigInt(offset), text, stream };
  return create(SubscribeResponseSchema, { message: { case: "delta", value } });
}
