export type BodyText = { readonly text: string; readonly complete: boolean };

/** The first `limit` bytes of a body as text, and whether that is all of it. Nothing beyond them is waited for. */
export async function bodyText(bytes: AsyncIterable<Uint8Array>, limit: number): Promise<BodyText> {
  const pieces: Uint8Array[] = [];
  let room = limit;
  for await (const piece of bytes) {
    pieces.push(piece.subarray(0, room));
    room -= piece.length;
    if (room < 0) break;
  }
  return { text: new TextDecoder().decode(Buffer.concat(pieces)), complete: room >= 0 };
}
