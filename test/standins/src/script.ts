/** What the stand-in says, turn by turn; the format of the scripted provider. */
export type Script = { readonly turns: readonly Turn[] };

export type Turn = {
  /** Thoughts before the answer, where the vendor shows any. */
  readonly thinking?: string;
  readonly text?: string;
  readonly toolCalls?: readonly { readonly id?: string; readonly name: string; readonly arguments: object | string }[];
  /** Why it stops, in the vendor's words; what fits unless told. */
  readonly finish?: string;
  readonly usage?: { readonly cached?: number; readonly cacheWrite?: number; readonly reasoning?: number };
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

/** The turn of that index, or the error that the script is at its end. */
export function turnOf({ turns }: Script, index: number): Turn {
  const message = `script has only ${turns.length} turns`;
  return turns[index] ?? { error: { status: 400, message } };
}

/** Which turn answers: the number of the assistant's messages since the user last spoke. */
export function assistantsSince(roles: readonly unknown[]): number {
  return roles.slice(roles.lastIndexOf("user") + 1).filter((role) => role === "assistant").length;
}
