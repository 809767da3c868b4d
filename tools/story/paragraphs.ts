/** Text, or what a terminal shows. */
export type Paragraph = string | { readonly console: string };

/** Commands that follow each other share a block. */
export function renderStory(paragraphs: readonly Paragraph[]): string {
  const parts: string[] = [];
  let lines: string[] = [];
  const close = (): void => {
    if (lines.length > 0) parts.push(`\`\`\`text\n${lines.join("\n")}\n\`\`\``);
    lines = [];
  };
  for (const paragraph of paragraphs) {
    if (typeof paragraph !== "string") {
      lines.push(paragraph.console);
      continue;
    }
    close();
    parts.push(paragraph);
  }
  close();
  return `${parts.join("\n\n")}\n`;
}

/** A word of a command line as a person would type it. */
export function quoted(arg: string): string {
  return /^[\w./:=~-]+$/.test(arg) ? arg : JSON.stringify(arg);
}
