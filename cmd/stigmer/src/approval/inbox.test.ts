import { describe, expect, it } from "vitest";
import type { Resource } from "../kinds/columns.ts";
import { changed, type Inbox, sorted } from "./inbox.ts";

const approval = (id: string, version: string, status: object = {}): Resource => ({
  metadata: { id, resourceVersion: version, createTime: `2026-01-31T12:00:0${version}Z` },
  status: { ...status },
});
const decided = { decision: "APPROVAL_DECISION_APPROVED" };
const open: Inbox = new Map([["apr_1", approval("apr_1", "1")]]);

describe("an inbox", () => {
  it.each<[string, Resource, boolean, boolean, string, string[]]>([
    ["takes in what is asked", approval("apr_2", "2"), false, false, "open", ["apr_1", "apr_2"]],
    ["lets go of what is decided", approval("apr_1", "2", decided), false, false, "approved", []],
    ["lets go of what no longer matches, and says why", approval("apr_1", "2", decided), true, false, "approved", []],
    ["lets go of what is deleted", approval("apr_1", "1"), true, false, "deleted", []],
    ["keeps what is decided where all is shown", approval("apr_1", "2", decided), false, true, "approved", ["apr_1"]],
    ["says that one is escalated", approval("apr_1", "2", { escalateTime: "t" }), false, false, "escalated", ["apr_1"]],
    ["says nothing of what it has", approval("apr_1", "1"), false, false, "", ["apr_1"]],
    ["says nothing of what it never had", approval("apr_3", "2", decided), false, false, "", ["apr_1"]],
  ])("%s", (_, next, gone, all, word, left) => {
    const after = changed(open, { approval: next, gone }, { all });

    expect([after.word, [...after.inbox.keys()]]).toEqual([word, left]);
  });

  it("has the oldest first", () => {
    const ids = sorted([approval("b", "2"), approval("a", "2"), approval("c", "1")]).map(
      ({ metadata }) => (metadata as { id: string }).id,
    );

    expect(ids).toEqual(["c", "a", "b"]);
  });
});
