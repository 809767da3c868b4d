import { createTerminal } from "@stigmer/standins/terminal";
import { describe, expect, it } from "vitest";
import { createLiveRegion } from "./live-region.ts";

describe("a live region", () => {
  it("writes lines that grow at their end without writing them again", async () => {
    const { region, written } = scene();

    await region.update([], ["Hel"]);
    await region.update([], ["Hello"]);
    await region.update([], ["Hello", "you"]);

    expect(written()).toEqual(["Hel", "lo", "\nyou"]);
  });

  it("writes nothing where nothing has changed", async () => {
    const { region, written } = scene();

    await region.update([], ["a", "b"]);
    await region.update([], ["a", "b"]);

    expect(written()).toEqual(["a\nb"]);
  });

  it("writes from the first line that has changed", async () => {
    const { region, screen, written } = scene();

    await region.update([], ["one", "two", "three"]);
    await region.update([], ["one", "TWO", "three"]);

    expect(screen.lines()).toEqual(["one", "TWO", "three"]);
    expect(written().at(-1)).not.toContain("one");
  });

  it.each([
    [["a", "b", "c"], ["a"]],
    [["a", "b"], ["x"]],
    [["a"], []],
    [
      ["a", "b"],
      ["a", "b", "c"],
    ],
  ])("turns %j into %j, and goes on below what stays", async (before, after) => {
    const { region, screen } = scene();

    await region.update([], before);
    await region.update(after, []);
    await region.update(["end"], []);

    expect(screen.text()).toBe([...after, "end"].join("\n"));
  });

  it("keeps what is done above what is open", async () => {
    const { region, screen } = scene();

    await region.update(["done 1"], ["open"]);
    await region.update(["done 2"], ["still open"]);
    await region.leave();
    await region.update(["below"], []);

    expect(screen.text()).toBe("done 1\ndone 2\nstill open\nbelow");
  });

  it("takes away what is open, and nothing else", async () => {
    const { region, screen } = scene();

    await region.update(["kept"], ["gone", "gone too"]);
    await region.clear();
    await region.update(["next"], []);

    expect(screen.text()).toBe("kept\nnext");
  });

  it("shows the end of what is higher than the terminal, and all of it once it is done", async () => {
    const { region, screen } = scene({ rows: 6 });
    const lines = Array.from({ length: 12 }, (_, at) => `line ${at + 1}`);

    for (let count = 1; count <= lines.length; count++) await region.update([], lines.slice(0, count));
    const open = screen.text();
    await region.update(lines, []);

    expect([open, screen.text()]).toEqual([lines.slice(-4).join("\n"), lines.join("\n")]);
  });

  it.each([12, 40])("leaves nothing behind where the terminal becomes %i columns wide", async (columns) => {
    const { region, screen, resize } = scene({ columns: 24 });
    await region.update(["above"], ["twenty-three columns ab", "more"]);

    resize(columns);
    await region.update(["another text"], []);

    expect(screen.text()).toBe("above\nanother text");
  });

  it("knows that colours take no room", async () => {
    const { region, screen } = scene({ columns: 9 });

    await region.update([], ["\x1b[31mred\x1b[39m \x1b[1mbold\x1b[22m", "x"]);
    await region.update([], ["other"]);

    expect(screen.text()).toBe("other");
  });
});

function scene(size: { readonly columns?: number; readonly rows?: number } = {}) {
  const { columns = 40, rows = 10 } = size;
  const screen = createTerminal({ columns, rows });
  const written: string[] = [];
  const sink = {
    columns,
    rows,
    async write(text: string) {
      written.push(text);
      // As the driver of a terminal does it.
      screen.write(text.replaceAll("\n", "\r\n"));
    },
  };
  const resize = (next: number): void => {
    sink.columns = next;
    screen.resize(next);
  };
  return { region: createLiveRegion(sink), screen, written: () => written, resize };
}
