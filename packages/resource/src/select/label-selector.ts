import { invalid } from "@stigmer/base";
import { labelField } from "@stigmer/store";
import type { Condition } from "./condition.ts";

/** Most keys and values that one selector names. */
export const MAX_SELECTOR_TERMS = 1_000;
/** Longest selector, in UTF-16 code units. */
const MAX_SELECTOR_LENGTH = 16_384;

const FIELD = "labelSelector";
const SPACE = /[ \t\r\n]*/y;
const WORD = /[^ \t\r\n=!(),<>]*/y;
const PREFIX = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const MAX_PREFIX = 253;
const MAX_NAME = 63;

/**
 * What a Kubernetes label selector asks for: requirements with commas between them, each `key=value`, `key==value`,
 * `key!=value`, `key in (a, b)`, `key notin (a, b)`, `key` or `!key`. `!=` and `notin` are also true where there is no such
 * label. Refuses anything else, naming `labelSelector` and the place.
 */
export function parseLabelSelector(text: string): Condition {
  if (text.length > MAX_SELECTOR_LENGTH) throw refusal(`is longer than ${MAX_SELECTOR_LENGTH} characters`);
  const scanner = createScanner(text);
  const all: Condition[] = [];
  scanner.space();
  if (scanner.ended()) return { all };
  do all.push(requirement(scanner));
  while (scanner.takes(","));
  if (!scanner.ended()) throw scanner.refusal("expected a comma");
  return { all };
}

type Scanner = ReturnType<typeof createScanner>;

function requirement(scanner: Scanner): Condition {
  if (scanner.takes("!")) return { not: { field: key(scanner), present: true } };
  const field = key(scanner);
  if (scanner.takes("!=")) return { not: { field, in: [value(scanner)] } };
  if (scanner.takes("==") || scanner.takes("=")) return { field, in: [value(scanner)] };
  if (scanner.ended() || scanner.peeks(",")) return { field, present: true };
  const operator = scanner.word();
  if (operator.text === "in") return { field, in: values(scanner) };
  if (operator.text === "notin") return { not: { field, in: values(scanner) } };
  throw scanner.refusal("expected one of =, ==, !=, in, notin, or a comma", operator.at);
}

function values(scanner: Scanner): readonly string[] {
  if (!scanner.takes("(")) throw scanner.refusal('expected "("');
  const found = [value(scanner)];
  while (scanner.takes(",")) found.push(value(scanner));
  if (!scanner.takes(")")) throw scanner.refusal('expected a comma or ")"');
  return found;
}

function key(scanner: Scanner): string {
  const { text, at } = scanner.term();
  if (text === "") throw scanner.refusal("expected a label's key", at);
  const slash = text.indexOf("/");
  const prefix = text.slice(0, Math.max(slash, 0));
  const name = text.slice(slash + 1);
  if (slash !== -1 && (prefix.length > MAX_PREFIX || !PREFIX.test(prefix))) {
    throw scanner.refusal("the part of a key before the slash must be a DNS name in lower case", at);
  }
  if (name.length > MAX_NAME || !NAME.test(name)) {
    throw scanner.refusal(`a key's name must be ${FORM}`, at);
  }
  return labelField(text);
}

const FORM = `letters, digits, "-", "_" and ".", at most ${MAX_NAME}, with a letter or digit at both ends`;

function value(scanner: Scanner): string {
  const { text, at } = scanner.term();
  if (text !== "" && (text.length > MAX_NAME || !NAME.test(text))) {
    throw scanner.refusal(`a label's value must be empty or ${FORM}`, at);
  }
  return text;
}

function createScanner(text: string) {
  let at = 0;
  let terms = 0;

  function match(pattern: RegExp): string {
    pattern.lastIndex = at;
    const [found = ""] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  }

  function word(): { readonly text: string; readonly at: number } {
    match(SPACE);
    const start = at;
    const found = match(WORD);
    match(SPACE);
    return { text: found, at: start };
  }

  const peeks = (wanted: string) => text.startsWith(wanted, at);
  const refused = (description: string, place = at) => refusal(`${description} at character ${place + 1}`);

  return {
    space: () => void match(SPACE),
    word,
    peeks,
    ended: () => at === text.length,
    refusal: refused,
    /** A key or a value; there may be only so many of them. */
    term() {
      if (++terms > MAX_SELECTOR_TERMS) throw refused(`more than ${MAX_SELECTOR_TERMS} keys and values`);
      return word();
    },
    takes(wanted: string): boolean {
      if (!peeks(wanted)) return false;
      at += wanted.length;
      match(SPACE);
      return true;
    },
  };
}

function refusal(description: string) {
  return invalid([{ field: FIELD, description }]);
}
