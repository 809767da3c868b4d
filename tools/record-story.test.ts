import { expect, it } from "vitest";
import { createNormaliser } from "./story/normalise.ts";

const ONE = "01M7Z4H4RNK5WAZ3Z2Q2Y8C0DE";
const OTHER = "01M7Z4H4RNK5WAZ3Z2Q2Y8C0DF";

it("gives an id the same number wherever it stands, as wide as it was", () => {
  const normalise = createNormaliser({});

  const text = normalise(`apr_${ONE} apr_${OTHER} approval/apr-${ONE.toLowerCase()} aex_${ONE}`);

  const number = (count: number) => String(count).padStart(26, "0");
  expect(text).toBe(`apr_${number(1)} apr_${number(2)} approval/apr-${number(1)} aex_${number(1)}`);
});

it.each([
  ["times", "2026-01-31T12:00:00.000Z  1  pending", "<time>  1  pending"],
  ["how long ago", "since 12s ago (2026-01-31T12:00:00.000Z)", "since <time>"],
  ["durations", "answered in 1234 ms", "answered in N ms"],
  ["processes and ports", "http://127.0.0.1:40123 (pid 7)", "http://127.0.0.1:50051 (pid N)"],
  ["digests", `head sha256:${"0a".repeat(32)}`, "head sha256:<digest>"],
  ["folders", "cat /tmp/x/books/a.md", "cat ~/books/a.md"],
  ["space at the end of a line", "a  \nb", "a\nb"],
])("makes the same of %s", (_, text, same) => {
  expect(createNormaliser({ "/tmp/x/books": "~/books" })(text)).toBe(same);
});

it("leaves what the story is about", () => {
  const text = "sleep 4; - rent, 32 entries, exit 1, 12 + 12 tokens (try 2)";

  expect(createNormaliser({})(text)).toBe(text);
});
