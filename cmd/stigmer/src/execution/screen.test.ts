import { createTerminal } from "@stigmer/standins/terminal";
import { describe, expect, it } from "vitest";
import type { Sink } from "../deps.ts";
import { createRichScreen } from "./screen.ts";

describe("a screen that can draw", () => {
  it("lays the model's text out while it comes", async () => {
    const { screen, terminal } = await scene();

    await say(screen, "# Ti");
    const first = terminal.text();
    await say(screen, "tle\n\nSome **bo");
    await say(screen, "ld** text", { ends: true });

    expect([first, terminal.text()]).toEqual(["# Ti", "# Title\n\nSome **bold** text"]);
  });

  it("shows a call while it runs, and its outcome in its place", async () => {
    const { screen, terminal } = await scene();

    await screen.show([{ to: "stderr", text: "→ read\n", opens: "1" }], { ends: false });
    await screen.show([{ to: "stderr", text: "→ write\n", opens: "2" }], { ends: false });
    const running = terminal.text();
    await screen.show([{ to: "stderr", text: "✓ write\n", closes: "2" }], { ends: false });
    const half = terminal.text();
    await screen.show([{ to: "stderr", text: "✗ read\n", closes: "1" }], { ends: false });

    expect([running, half, terminal.text()]).toEqual(["→ read\n→ write", "✓ write\n→ read", "✓ write\n✗ read"]);
  });

  it("keeps one line to a call, with its colours ended", async () => {
    const { screen, written } = await scene({ columns: 20 });

    await screen.show([{ to: "stderr", text: `✓ \x1b[2m${"long ".repeat(9)}\x1b[22m\n`, closes: "1" }], {
      ends: false,
    });

    expect(written().join("")).toBe("✓ \x1b[2mlong long long l…\x1b[22m\n");
  });

  it("goes on with text above the calls that run", async () => {
    const { screen, terminal } = await scene();

    await screen.show([{ to: "stderr", text: "→ read\n", opens: "1" }], { ends: false });
    await say(screen, "Meanwhile");
    await say(screen, " this", { ends: true });
    await screen.show([{ to: "stderr", text: "✓ read\n", closes: "1" }], { ends: false });

    expect(terminal.text()).toBe("Meanwhile this\n✓ read");
  });

  it("leaves a question alone", async () => {
    const { screen, terminal } = await scene();

    await screen.show([{ to: "stderr", text: "→ read\n", opens: "1" }], { ends: false });
    await say(screen, "Half a");
    await screen.interject("approve? ");
    const asked = terminal.text();
    await screen.interject("y\n");
    await screen.show([{ to: "stderr", text: "✓ read\n", closes: "1" }], { ends: false });

    expect([asked, terminal.text()]).toEqual(["Half a\napprove?", "Half a\napprove? y\n✓ read"]);
  });

  it("says nothing of calls that run behind a question", async () => {
    const { screen, terminal } = await scene();

    await screen.interject("approve? ");
    await screen.show([{ to: "stderr", text: "→ read 3 of 10\n", opens: "1" }], { ends: false });
    const asked = terminal.text();
    terminal.write("y\r\n");
    await screen.show([{ to: "stderr", text: "approved\n" }], { ends: false });
    await screen.show([{ to: "stderr", text: "→ read 4 of 10\n", opens: "1" }], { ends: false });

    expect([asked, terminal.text()]).toEqual(["approve?", "approve? y\napproved\n→ read 4 of 10"]);
  });

  it("leaves nothing unfinished at its end", async () => {
    const { screen, terminal } = await scene();

    await screen.show([{ to: "stderr", text: "→ read\n", opens: "1" }], { ends: false });
    await say(screen, "```\ncode");
    await screen.close();

    expect(terminal.text()).toBe("╭─\n│ code\n╰─");
  });
});

async function say(
  screen: Awaited<ReturnType<typeof createRichScreen>>,
  text: string,
  options = { ends: false },
): Promise<void> {
  await screen.show([{ to: "stdout", text }], options);
}

async function scene({ columns = 60 } = {}) {
  const terminal = createTerminal({ columns, rows: 20 });
  const written: string[] = [];
  const sink: Sink = {
    isTTY: true,
    ...{ columns, rows: 20 },
    async write(text) {
      written.push(text);
      terminal.write(text.replaceAll("\n", "\r\n"));
    },
  };
  const screen = await createRichScreen({ stdout: sink, stderr: sink, env: { NO_COLOR: "1" } });
  return { screen, terminal, written: () => written };
}
