import { createInterface, emitKeypressEvents, type Key } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Edited, EditOptions } from "./deps.ts";

type Terminal = { readonly input: Readable; readonly output: Writable };

const PASTE = { on: "\x1b[?2004h", off: "\x1b[?2004l" } as const;
const CONTINUED = "… ";

/**
 * Has a person write a text: the line editor of Node, with its keys and history. A backslash at the end of a line goes on in the
 * next one, as do the line ends of what is pasted. The terminal is in its own mode again afterwards.
 */
export function editLine({ input, output }: Terminal, { prompt, history, signal }: EditOptions): Promise<Edited> {
  if (signal.aborted) return Promise.resolve({ kind: "end" });
  const lines: string[] = [];
  let pasting = false;
  emitKeypressEvents(input);
  output.write(PASTE.on);
  const editor = createInterface({ input, output, terminal: true, prompt, history: [...history], historySize: 200 });
  return new Promise((resolve) => {
    const onKey = (_: unknown, { name }: Key): void => {
      if (name === "paste-start" || name === "paste-end") pasting = name === "paste-start";
    };
    let ended = false;
    const end = (edited: Edited): void => {
      if (ended) return;
      ended = true;
      input.off("keypress", onKey);
      signal.removeEventListener("abort", onAbort);
      editor.close();
      output.write(PASTE.off);
      resolve(edited);
    };
    const onAbort = (): void => end({ kind: "end" });
    input.on("keypress", onKey);
    signal.addEventListener("abort", onAbort);
    editor.on("close", () => end({ kind: "end" }));
    editor.on("SIGINT", () => end({ kind: "interrupted" }));
    editor.on("line", (line) => {
      if (ended) return;
      const goesOn = pasting || line.endsWith("\\");
      lines.push(!pasting && goesOn ? line.slice(0, -1) : line);
      if (!goesOn) return end({ kind: "text", text: lines.join("\n") });
      editor.setPrompt(CONTINUED);
      editor.prompt();
    });
    editor.prompt();
  });
}
