/**
 * Replaces what differs from one recording to the next: folders, ids, people, times, durations, digests. A replacement for an id
 * keeps its width, so that tables stay in line; the same id always gets the same one.
 */
export function createNormaliser(folders: Readonly<Record<string, string>>): (text: string) => string {
  const known = new Map<string, string>();
  const counts = new Map<string, number>();
  const numbered = (prefix: string, id: string): string => {
    const seen = known.get(`${prefix} ${id}`);
    if (seen !== undefined) return seen;
    const count = (counts.get(prefix) ?? 0) + 1;
    const number = String(count).padStart(id.length, "0");
    counts.set(prefix, count);
    known.set(`${prefix} ${id}`, number);
    return number;
  };
  return (text) => {
    const placed = Object.entries(folders).reduce((left, [from, to]) => left.replaceAll(from, to), text);
    const named = placed
      .replaceAll(/\b(aex|apr|ses)([_-])([0-9A-Z]{26}|[0-9a-z]{26})\b/g, (_, prefix, joint, id) => {
        return `${prefix}${joint}${numbered(prefix, id.toUpperCase())}`;
      })
      .replaceAll(/\bbookkeeper-([0-9a-z]{5})\b/g, (_, id) => `bookkeeper-${numbered("name", id)}`);
    return REPLACED.reduce((left, [pattern, by]) => left.replaceAll(pattern, by), named);
  };
}

const REPLACED: readonly (readonly [pattern: RegExp, by: string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>"],
  [/\b\d+[smhd] ago \(<time>\)/g, "<time>"],
  [/\b\d+ ms\b/g, "N ms"],
  [/\b\d+[smhd]$/gm, "Ns"],
  [/http:\/\/127\.0\.0\.1:\d+/g, "http://127.0.0.1:50051"],
  [/ code="ENOSPC"/g, ""], // the first refusal knows less than those after it
  [/\(pid \d+\)/g, "(pid N)"],
  [/sha256:[0-9a-f]{64}/g, "sha256:<digest>"],
  [/"```diff[^"]*"/g, '"```diff…"'],
  [/[ \t]+$/gm, ""],
];
