import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { editLine } from "./line-editor.ts";

const never = new AbortController().signal;

describe("a line editor", () => {
  it("takes a line, with what the keys have done to it", async () => {
    const { type, edit } = scene();
    const edited = edit();
    type("helo\x1b[Dl\r");

    expect(await edited).toEqual({ kind: "text", text: "hello" });
  });

  it("takes what is pasted whole, and waits for Enter", async () => {
    const { type, edit } = scene();
    const edited = edit();
    type("\x1b[200~one\rtwo\rthree\x1b[201~");
    type("!\r");

    expect(await edited).toEqual({ kind: "text", text: "one\ntwo\nthree!" });
  });

  it("goes on in the next line after a backslash", async () => {
    const { type, edit } = scene();
    const edited = edit();
    type("one \\\rtwo\r");

    expect(await edited).toEqual({ kind: "text", text: "one \ntwo" });
  });

  it("brings earlier lines back", async () => {
    const { type, edit } = scene();
    const edited = edit(["newest", "oldest"]);
    type("\x1b[A\x1b[A\r");

    expect(await edited).toEqual({ kind: "text", text: "oldest" });
  });

  it.each([
    ["\x03", "interrupted"],
    ["\x04", "end"],
  ])("ends by %j as %s", async (key, kind) => {
    const { type, edit } = scene();
    const edited = edit();
    type(key);

    expect(await edited).toEqual({ kind });
  });

  it("ends when the signal aborts", async () => {
    const { edit } = scene();
    const abort = new AbortController();
    const edited = edit([], abort.signal);
    abort.abort();

    expect(await edited).toEqual({ kind: "end" });
  });

  it("hears every key once, however often it is used", async () => {
    const { type, edit } = scene();
    for (const text of ["a", "b", "c"]) {
      const edited = edit();
      type(`${text}\r`);
      expect(await edited).toEqual({ kind: "text", text });
    }
  });

  it("asks the terminal to mark what is pasted, and takes that back", async () => {
    const { type, edit, written } = scene();
    const edited = edit();
    type("\r");
    await edited;

    expect([written().startsWith("\x1b[?2004h"), written().endsWith("\x1b[?2004l")]).toEqual([true, true]);
  });
});

function scene() {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let written = "";
  output.on("data", (chunk) => {
    written += chunk;
  });
  const edit = (history: readonly string[] = [], signal: AbortSignal = never) =>
    editLine({ input, output }, { prompt: "> ", history, signal });
  return { type: (keys: string) => input.write(keys), edit, written: () => written };
}
