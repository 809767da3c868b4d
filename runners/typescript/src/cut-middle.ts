const NOTE = "\n[… left out …]\n";

/** A text of at most so many characters: what is longer loses its middle. A limit that has no room for a note gets the beginning. */
export function cutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const room = limit - NOTE.length;
  if (room <= 0) return text.slice(0, Math.max(0, limit)).toWellFormed();
  const front = Math.ceil(room / 2);
  return (text.slice(0, front) + NOTE + text.slice(text.length - (room - front))).toWellFormed();
}
