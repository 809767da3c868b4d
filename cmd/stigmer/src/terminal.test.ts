import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { sourceOver } from "./terminal.ts";

const never = new AbortController().signal;

describe("a line", () => {
  it("is what stands before the end of the line, however it comes in", async () => {
    const { input, source } = scene();
    const first = source.line(never);
    input.write(Buffer.from([0x79, 0xc3]));
    input.write(Buffer.from([0xa4, 0x0d, 0x0a, 0x6e]));
    const second = first.then(() => source.line(never));
    input.write("o\nd\n");

    expect([await first, await second, await source.line(never)]).toEqual(["yä", "no", "d"]);
  });

  it("is none at the end of the input", async () => {
    const { input, source } = scene();
    input.end("half");

    expect([await source.line(never), await source.line(never)]).toEqual([undefined, undefined]);
  });

  it("is none when the signal aborts, and what comes then is for who asks next", async () => {
    const { input, source } = scene();
    const abort = new AbortController();
    const first = source.line(abort.signal);
    abort.abort();
    input.write("later\n");

    expect([await first, await source.line(never)]).toEqual([undefined, "later"]);
  });
});

describe("text", () => {
  it("is all there is", async () => {
    const { input, source } = scene();
    input.end("grüße\n");

    expect(await source.text(100)).toBe("grüße\n");
  });

  it("is refused where it is too large or no text", async () => {
    const [large, binary] = [scene(), scene()];
    large.input.end("12345");
    binary.input.end(Buffer.from([0xff]));

    await expect(large.source.text(4)).rejects.toThrow(RangeError);
    await expect(binary.source.text(4)).rejects.toThrow(TypeError);
  });
});

function scene() {
  const input = new PassThrough();
  return { input, source: sourceOver(() => input, false) };
}
