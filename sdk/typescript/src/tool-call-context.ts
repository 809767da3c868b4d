import type { RunningCall } from "@stigmer/contracts/agentic";
import type { Elicitations } from "./elicitations.ts";
import type { Link } from "./link.ts";
import type { ToolCallContext, ToolHostNews } from "./tool-host.ts";

export type ContextDeps = {
  readonly link: Link;
  readonly elicitations: Elicitations;
  /** Stores a content, and answers with its digest. */
  readonly saveBlob: (content: Uint8Array, signal: AbortSignal) => Promise<string>;
};

const LONGEST_PROGRESS_MESSAGE = 4_096;
const LONGEST_LINE = 16_384;

/** What a tool call may ask of the kit. */
export function createToolCallContext(deps: ContextDeps, call: RunningCall, signal: AbortSignal): ToolCallContext {
  return {
    signal,
    elicit: (question, giveUp) =>
      deps.elicitations.ask(call, question, giveUp ? AbortSignal.any([signal, giveUp]) : signal),
    progress({ progress, total, message }) {
      const said = textOfAtMost(message, LONGEST_PROGRESS_MESSAGE);
      deps.link.send({ case: "toolProgress", value: { call, progress, total, message: said } });
    },
    saveBlob: (content) => deps.saveBlob(content, signal),
  };
}

/** Sends a host's news on; none are kept for later. */
export function createHostNews(link: Link, now: () => Date): ToolHostNews {
  return {
    logged({ sessionId, name }, line) {
      const ms = now().getTime();
      const time = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
      const said = textOfAtMost(line, LONGEST_LINE);
      link.send({ case: "serverLogged", value: { sessionId, name, line: said, time } });
    },
    toolsChanged: ({ sessionId, name, revision }, tools) =>
      link.send({ case: "toolsChanged", value: { sessionId, name, revision, tools: [...tools] } }),
  };
}

/** A text that a message takes, whatever a server wrote. */
function textOfAtMost(text: string, longest: number): string {
  return text.slice(0, longest).toWellFormed();
}
