import { isFault } from "@stigmer/base";
import { EXIT, Failure } from "../failure.ts";

type Explaining = {
  /** What the user wrote for a field; empty where it needs no word. */
  readonly words: Readonly<Record<string, string>>;
  readonly next: string;
  /** How many messages came before the first one of the request. */
  readonly before?: number;
};

/** A refused request in the words of the command line. */
export function explainFields(error: unknown, { words, next, before = 0 }: Explaining): unknown {
  if (!isFault(error) || error.kind !== "invalid") return error;
  const lines = error.violations.map(({ field, description }) => {
    const [, at, path = field] = IN_BATCH.exec(field) ?? [];
    const place = at === undefined ? "" : `message ${before + Number(at) + 1}`;
    return [place, words[path] ?? path, description].filter(Boolean).join(": ");
  });
  const [first = error.message, ...others] = lines;
  const isMissing = error.reason === "REFERENCE_NOT_FOUND";
  const step = isMissing ? "see what is there: stigmer list agents, stigmer list mcpservers" : next;
  return new Failure(EXIT.misused, first, step, { others, cause: error });
}

/** A field of one of many. */
const IN_BATCH = /^executions\[(\d+)\]\.(.+)$/;
