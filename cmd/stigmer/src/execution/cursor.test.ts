import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { deltaResponse, entryResponse, journalOf } from "../backend.fake.ts";
import { advance, type Item, START } from "./cursor.ts";

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

  it("says from which byte on it is wanted, until the call ends", () => {
    const before = take(created, started, deltaResponse("äb", 0)).cursor;
    const after = take(created, started, deltaResponse("äb", 0), finished).cursor;

    expect([before.next, before.open?.bytes, after]).toEqual([3, 3, { next: 4, open: undefined }]);
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
  const message: MessageInitShape<typeof SubscribeResponseSchema>["message"] = {
    case: "restarted",
    value: { stepKey: "turn/1/model", attempt },
  };
  return create(SubscribeResponseSchema, { message });
}
