import { Trouble } from "./trouble.ts";

/** Each line that is not empty. A last one without an end is a line too. */
export async function* lines(bytes: AsyncIterable<Uint8Array>, maxLine: number): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    const [first = "", ...rest] = decoder.decode(chunk, { stream: true }).split("\n");
    pieces.push(first);
    length += first.length;
    for (const next of rest) {
      yield* filled(pieces.join(""));
      pieces = [next];
      length = next.length;
    }
    if (length > maxLine) throw new Trouble(`it sent a line longer than ${maxLine} characters`);
  }
  yield* filled(pieces.join("") + decoder.decode());
}

function filled(line: string): string[] {
  const text = line.trim();
  return text === "" ? [] : [text];
}
