import { LineCounter, parseDocument } from "yaml";
import { isObject, type JsonObject } from "./json-value.ts";

/** What a scripted model says, turn by turn. */
export type Script = { readonly turns: readonly Turn[] };

export type Turn = {
  readonly text: string;
  readonly toolCalls: readonly ScriptedCall[];
  /** Pause before each word, and before the tool calls. */
  readonly delayMs: number;
  readonly error: ScriptedError | undefined;
};

export type ScriptedCall = { readonly id: string; readonly name: string; readonly arguments: string };

/** A failure in a provider's words: the status decides whether another try may help. */
export type ScriptedError = {
  readonly status: number;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
};

/** What is wrong with a script, and where. */
export class ScriptProblem extends Error {
  override readonly name = "ScriptProblem";
}

/**
 * Reads a script from YAML, or from JSON, which YAML includes. Throws `ScriptProblem` with line and column where it is
 * not YAML, and with the path where it says what a script cannot say; an unknown key is never ignored.
 */
export function parseScript(source: string): Script {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new ScriptProblem(`line ${line}, column ${col}: ${error.message}`);
  }
  const script = fields(plainValue(document), "", ["turns"]);
  return { turns: list(script.turns, "turns").map((turn, i) => parseTurn(turn, i)) };
}

function plainValue(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new ScriptProblem("its aliases cannot be resolved", { cause });
  }
}

function parseTurn(value: unknown, index: number): Turn {
  const at = `turns[${index}]`;
  const turn = fields(value, at, ["text", "toolCalls", "delayMs", "error"]);
  if (turn.error !== undefined && (turn.text !== undefined || turn.toolCalls !== undefined)) {
    throw new ScriptProblem(`${at}: a turn with an error says nothing else`);
  }
  if (turn.error === undefined && turn.text === undefined && turn.toolCalls === undefined) {
    throw new ScriptProblem(`${at}: needs text, toolCalls or error`);
  }
  const toolCalls = turn.toolCalls === undefined ? [] : list(turn.toolCalls, `${at}.toolCalls`);
  return {
    text: turn.text === undefined ? "" : text(turn.text, `${at}.text`),
    toolCalls: unique(
      toolCalls.map((call, i) => parseCall(call, `${at}.toolCalls[${i}]`, `call_${index}_${i}`)),
      `${at}.toolCalls`,
    ),
    delayMs: turn.delayMs === undefined ? 0 : wholeNumber(turn.delayMs, `${at}.delayMs`),
    error: turn.error === undefined ? undefined : parseError(turn.error, `${at}.error`),
  };
}

function parseCall(value: unknown, at: string, defaultId: string): ScriptedCall {
  const call = fields(value, at, ["id", "name", "arguments"]);
  return {
    id: call.id === undefined ? defaultId : name(call.id, `${at}.id`),
    name: name(call.name, `${at}.name`),
    arguments: isObject(call.arguments) ? JSON.stringify(call.arguments) : text(call.arguments, `${at}.arguments`),
  };
}

function parseError(value: unknown, at: string): ScriptedError {
  const error = fields(value, at, ["status", "message", "retryAfterMs"]);
  const status = error.status === undefined ? 500 : wholeNumber(error.status, `${at}.status`);
  if (status < 400 || status > 599) throw new ScriptProblem(`${at}.status: must be 400 to 599`);
  return {
    status,
    message: error.message === undefined ? "the script says so" : text(error.message, `${at}.message`),
    retryAfterMs: error.retryAfterMs === undefined ? undefined : wholeNumber(error.retryAfterMs, `${at}.retryAfterMs`),
  };
}

function unique(calls: ScriptedCall[], at: string): ScriptedCall[] {
  const ids = new Set(calls.map(({ id }) => id));
  if (ids.size < calls.length) throw new ScriptProblem(`${at}: two calls have the same id`);
  return calls;
}

function fields(value: unknown, at: string, known: readonly string[]): JsonObject {
  if (!isObject(value)) throw new ScriptProblem(`${at || "the script"}: must be a map with ${known.join(", ")}`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return value;
  throw new ScriptProblem(`${at && `${at}.`}${unknown}: unknown key; known are ${known.join(", ")}`);
}

function list(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ScriptProblem(`${at}: must be a list`);
}

function text(value: unknown, at: string): string {
  if (typeof value === "string") return value.toWellFormed();
  throw new ScriptProblem(`${at}: must be text`);
}

function name(value: unknown, at: string): string {
  if (typeof value === "string" && value.length > 0 && value.length <= 256) return value.toWellFormed();
  throw new ScriptProblem(`${at}: must be text of 1 to 256 characters`);
}

function wholeNumber(value: unknown, at: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 3_600_000) return value;
  throw new ScriptProblem(`${at}: must be a whole number from 0 to 3600000`);
}
