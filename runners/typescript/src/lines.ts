/** Cuts a stream of bytes into lines; the function returned takes the chunks. Calls `onTooLong` once, then nothing. */
export function createLines(
  longestBytes: number,
  onLine: (line: string) => void,
  onTooLong: (why: string) => void,
): (chunk: Buffer) => void {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let isOver = false;
  return (chunk) => {
    let rest = chunk;
    while (!isOver) {
      const end = rest.indexOf("\n");
      const piece = end < 0 ? rest : rest.subarray(0, end);
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > longestBytes) {
        isOver = true;
        pieces = [];
        onTooLong(`it wrote a line of more than ${longestBytes} bytes`);
      }
      if (isOver || end < 0) return;
      const line = Buffer.concat(pieces).toString("utf8");
      pieces = [];
      bytes = 0;
      rest = rest.subarray(end + 1);
      onLine(line);
    }
  };
}
