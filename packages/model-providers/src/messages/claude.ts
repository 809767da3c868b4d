/** What Anthropic's models differ in, as far as their names tell. A name of no known form counts as the newest. */
export type Claude = {
  /** Most tokens of an answer where nobody says. */
  readonly maxTokens: number;
  /** How it is told how hard to think: by a budget of tokens, by an effort, or not at all. */
  readonly thinking: "none" | "budget" | "effort";
  /** Whether it can be told not to think. */
  readonly canStopThinking: boolean;
  readonly takesTemperature: boolean;
  /** Whether it can be held to a JSON schema. */
  readonly takesSchema: boolean;
};

export function claude(model: string): Claude {
  const version = versionOf(model);
  const from = (major: number, minor: number): boolean => {
    return version === undefined || version.major > major || (version.major === major && version.minor >= minor);
  };
  return {
    maxTokens: from(3, 7) ? 32_000 : from(3, 5) ? 8192 : 4096,
    thinking: from(4, 6) ? "effort" : from(3, 7) ? "budget" : "none",
    canStopThinking: from(3, 7) && !from(4, 7),
    takesTemperature: !from(4, 7),
    takesSchema: from(4, 5) || /opus-4-1/.test(model),
  };
}

// `claude-sonnet-4-5-20250929`, and before that `claude-3-7-sonnet-20250219`; a number of eight digits is a date.
function versionOf(model: string): { readonly major: number; readonly minor: number } | undefined {
  const found = /claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/.exec(model);
  return found ? { major: Number(found[1]), minor: Number(found[2] ?? 0) } : undefined;
}
