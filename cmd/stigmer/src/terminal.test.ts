import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { sinkOver, sourceOver } from "./terminal.ts";

const never = new AbortController().signal;

describe("a sink", () => {
  it("opens its stream when it is first used, and never twice", async () => {
    const { opened, sink } = sinkScene();
    await sink.flush();
    const before = opened();
    await sink.write("a");
    await sink.write("b");

    expect([before, opened()]).toEqual([0, 1]);
  });

  it("is flushed when all that went there is written", async () => {
    const { output, sink } = sinkScene();
    const written: string[] = [];
    output.on("data", (chunk) => written.push(String(chunk)));
    void sink.write("a");
    await sink.flush();

    expect(written.join("")).toBe("a");
  });

  it("tells that nobody reads it any more", async () => {
    const { output, sink, broken } = sinkScene();
    await sink.write("a");
    output.destroy(new Error("EPIPE"));

    expect((await broken).message).toBe("EPIPE");
  });
});

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

function sinkScene() {
  const output = new PassThrough();
  const broken = Promise.withResolvers<Error>();
  let times = 0;
  const open = () => {
    times += 1;
    return output as unknown as NodeJS.WriteStream;
  };
  return { output, sink: sinkOver(open, broken.resolve), opened: () => times, broken: broken.promise };
}

function scene() {
  const input = new PassThrough();
  return { input, source: sourceOver(() => input) };
}
