/**
 * The regular expression of this machine that matches what RE2 does for the same pattern; undefined for a pattern that
 * uses more than both understand alike, or that could make a backtracking engine slow.
 */
export function patternOf(source: string): RegExp | undefined {
  let rest = source;
  let target = "";
  let last = "";
  while (rest) {
    const kind = KINDS.find(({ form }) => form.test(rest));
    if (!kind?.after.test(last)) return undefined;
    const [text = ""] = kind.form.exec(rest) ?? [];
    target += kind.write ?? text;
    last = kind.name;
    rest = rest.slice(text.length);
  }
  try {
    // Only what takes any character must know that two code units may be one, and knowing it is slow.
    return new RegExp(target, target.includes("[^") ? "u" : "");
  } catch {
    return undefined;
  }
}

const ESCAPE = String.raw`\\(?:[rnt\\.\[\]]|x[0-9A-Fa-f]{2})`;

/** What a pattern may be made of, and after what. A group is never repeated: that is what makes backtracking slow. */
const KINDS: readonly {
  readonly name: string;
  readonly form: RegExp;
  readonly after: RegExp;
  readonly write?: string;
}[] = [
  { name: "atom", form: /^\./, after: /^/, write: "[^\\n]" },
  { name: "atom", form: new RegExp(`^${ESCAPE}`), after: /^/ },
  { name: "atom", form: new RegExp(String.raw`^\[\^?(?:[^\[\]\\&~]|${ESCAPE})+\]`), after: /^/ },
  { name: "optional", form: /^\?/, after: /^(atom|group)$/ },
  { name: "repeated", form: /^(?:[*+]|\{\d{1,3}(?:,\d{0,3})?\})/, after: /^atom$/ },
  { name: "group", form: /^\)/, after: /^/ },
  { name: "open", form: /^\((?!\?)/, after: /^/ },
  { name: "mark", form: /^[|^$]/, after: /^/ },
  { name: "atom", form: /^[A-Za-z0-9 _/:;,@#%=!"'<>`~&-]/, after: /^/ },
];
