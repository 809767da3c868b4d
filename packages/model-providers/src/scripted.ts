import { setTimeout } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { type Fault, precondition, unavailable } from "@stigmer/base";
import { FinishReason, type Message, MessageSchema, Role, UsageSchema } from "@stigmer/contracts/agentic";
import type { GenerateOptions, ModelAnswer, ModelProvider, ModelRequest } from "@stigmer/gateway/port";
import { isTransient } from "./provider-faults.ts";
import { parseScript, type Script, type ScriptedError, ScriptProblem, type Turn } from "./script.ts";
import { readScript } from "./script-file.ts";

/** Where scripts come from: a folder, or whatever answers with a script's text. */
export type ScriptedOptions = ({ readonly dir: string } | { readonly load: (file: string) => Promise<string> }) & {
  /** How a `delayMs` passes; by waiting unless told. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
};

/**
 * A provider that follows a script instead of asking a model. The request alone decides the turn: it is the number of
 * assistant messages since the last user message, so the same request gets the same answer. The file is read anew for
 * each call. Past the last turn, and where the script is wrong, it throws `PROVIDER_REFUSED`.
 */
export function scripted(options: ScriptedOptions): ModelProvider {
  const load = "dir" in options ? (file: string) => readScript(options.dir, file) : options.load;
  const pause = options.pause ?? wait;
  return {
    async generate(request, options) {
      options.signal.throwIfAborted();
      const turn = turnOf(await loadScript(load, request.model), request);
      if (turn.error) throw scriptedFault(request.model, turn.error);
      await say(turn, options, pause);
      return answerOf(turn, request);
    },
    // A script is named by its file; there is nothing to choose from.
    list: async () => [],
  };
}

async function loadScript(load: (file: string) => Promise<string>, file: string): Promise<Script> {
  try {
    return parseScript(await load(file));
  } catch (error) {
    if (!(error instanceof ScriptProblem)) throw error;
    throw refused(file, `script ${JSON.stringify(file)}: ${error.message}`, error);
  }
}

function turnOf({ turns }: Script, { model, messages }: ModelRequest): Turn {
  const since = messages.slice(messages.findLastIndex(({ role }) => role === Role.USER) + 1);
  const turn = turns[since.filter(({ role }) => role === Role.ASSISTANT).length];
  if (turn) return turn;
  throw refused(model, `script ${JSON.stringify(model)}: script has only ${turns.length} turns`);
}

async function say(
  { text, toolCalls, delayMs }: Turn,
  { signal, onText, onStart }: GenerateOptions,
  pause: (ms: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const pieces = text.match(/\s*\S+|\s+/g) ?? [];
  // The tool calls are the last piece, which is not text.
  for (const [index, piece] of (toolCalls.length > 0 ? [...pieces, ""] : pieces).entries()) {
    if (delayMs > 0) await pause(delayMs, signal);
    signal.throwIfAborted();
    if (index === 0) onStart();
    if (piece) onText(piece);
  }
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch {
    // The timer rejects with an error of its own; the caller's reason passes through instead.
    signal.throwIfAborted();
  }
}

function answerOf({ text, toolCalls }: Turn, { model, messages }: ModelRequest): ModelAnswer {
  const message = create(MessageSchema, {
    role: Role.ASSISTANT,
    parts: [
      ...(text ? [{ part: { case: "text" as const, value: text } }] : []),
      ...toolCalls.map((value) => ({ part: { case: "toolCall" as const, value } })),
    ],
  });
  return {
    message,
    finishReason: toolCalls.length > 0 ? FinishReason.TOOL_CALLS : FinishReason.STOP,
    servedModel: `scripted/${model}`,
    usage: create(UsageSchema, { inputTokens: words(messages), outputTokens: words([message]) }),
    scripted: true,
  };
}

function words(messages: readonly Message[]): bigint {
  const texts = messages.flatMap(({ parts }) => parts.map(textOf));
  return BigInt(texts.reduce((sum, text) => sum + (text.match(/\S+/g)?.length ?? 0), 0));
}

function textOf({ part }: Message["parts"][number]): string {
  switch (part.case) {
    case "text":
      return part.value;
    case "toolCall":
      return part.value.arguments;
    case "toolResult":
      return part.value.content;
    default:
      return "";
  }
}

function scriptedFault(file: string, { status, message, retryAfterMs }: ScriptedError): Fault {
  const facts = { provider: "scripted", status };
  const words = `script ${JSON.stringify(file)}: ${message} (status ${status})`;
  if (!isTransient(status)) return precondition("PROVIDER_REFUSED", facts, { message: words });
  return unavailable("PROVIDER_UNAVAILABLE", facts, {
    message: words,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function refused(file: string, message: string, cause?: unknown): Fault {
  return precondition("PROVIDER_REFUSED", { provider: "scripted", script: file }, { message, cause });
}
