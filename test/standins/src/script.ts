/** What the stand-in says, turn by turn; the format of the scripted provider. */
export type Script = { readonly turns: readonly Turn[] };

export type Turn = {
  readonly text?: string;
  readonly toolCalls?: readonly { readonly id?: string; readonly name: string; readonly arguments: object | string }[];
  /** Pause before each chunk. */
  readonly delayMs?: number;
  /** Answers with this status, 500 unless told, instead. */
  readonly error?: { readonly status?: number; readonly message?: string; readonly retryAfterMs?: number };
};

/** An answer as it stands on the wire, for what no well-behaved server would send. Each piece is one write. */
export type Raw = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | readonly (string | Uint8Array)[];
};

export type ChatMessage = {
  readonly role?: unknown;
  readonly content?: unknown;
  readonly tool_calls?: readonly { readonly id?: unknown }[];
  readonly tool_call_id?: unknown;
};

/** Which turn answers: the number of assistant messages since the last user message. */
export function turnIndex(messages: readonly ChatMessage[]): number {
  const since = messages.slice(messages.findLastIndex(({ role }) => role === "user") + 1);
  return since.filter(({ role }) => role === "assistant").length;
}

/** The turn that answers `messages`, or the error that the script is at its end. */
export function turnOf({ turns }: Script, messages: readonly ChatMessage[]): Turn {
  const message = `script has only ${turns.length} turns`;
  return turns[turnIndex(messages)] ?? { error: { status: 400, message } };
}
