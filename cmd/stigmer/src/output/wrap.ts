/** Text in lines of at most `width` characters; paragraphs stay apart, and a word that is longer stands alone. */
export function wrapText(text: string, width: number): string[] {
  if (!text.trim()) return [];
  return text.split(/\n{2,}/).flatMap((paragraph, at) => [...(at > 0 ? [""] : []), ...wrapParagraph(paragraph, width)]);
}

function wrapParagraph(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.trim().split(/\s+/)) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}
