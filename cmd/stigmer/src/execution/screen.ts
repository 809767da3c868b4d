import type { Deps } from "../deps.ts";
import type { Layout } from "../markdown/layout.ts";
import type { MarkdownStream } from "../markdown/stream.ts";
import { createLiveRegion } from "../output/live-region.ts";
import { hasColour, paintFor } from "../output/paint.ts";
import { cutPainted } from "../output/width.ts";
import type { Output } from "./view.ts";

/** Where an execution is shown. */
export interface Screen {
  /** Shows what a view says; `ends` tells that no more text of the model's belongs to what came. */
  show(outputs: readonly Output[], options: { readonly ends: boolean }): Promise<void>;
  /** Shows what somebody else says, below whatever stands there. */
  interject(text: string): Promise<void>;
  /** Leaves nothing on the screen that looks unfinished. */
  close(): Promise<void>;
}

type ScreenDeps = Pick<Deps, "stdout" | "stderr" | "env">;

/** Text as it comes, without moving a cursor. */
export function createPlainScreen({ stdout, stderr }: ScreenDeps): Screen {
  return {
    async show(outputs) {
      for (const { to, text, fleeting } of outputs)
        if (!fleeting) await (to === "stdout" ? stdout : stderr).write(text);
    },
    interject: (text) => stderr.write(text),
    async close() {},
  };
}

const WIDEST = 110;

/**
 * A terminal: the model's text as Markdown, of which the open block alone is written anew, and below it the calls that run, each of
 * which gives way to its outcome.
 */
export async function createRichScreen(deps: ScreenDeps): Promise<Screen> {
  // What reads Markdown is large, and is no use elsewhere.
  const { createMarkdownStream } = await import("../markdown/stream.ts");
  return richScreen(deps, createMarkdownStream());
}

function richScreen(deps: ScreenDeps, markdown: MarkdownStream): Screen {
  const { stdout, stderr, env } = deps;
  const region = createLiveRegion(stdout);
  const running = new Map<string, string>();
  // Behind a question a person writes; a line that shall go again would stand there.
  let asked = false;
  const layout = (): Layout => ({
    width: Math.max(1, Math.min(WIDEST, stdout.columns - 1)),
    paint: paintFor(stdout, env),
    keepMarks: !hasColour(stdout, env),
  });
  const runningLines = (): string[] => [...running.values()].map((line) => cutPainted(line, stdout.columns - 1));
  const finish = async (): Promise<void> => await region.update(markdown.end(layout()).done, runningLines());
  const say = async (text: string): Promise<void> => {
    await finish();
    await region.clear();
    if (text) await stderr.write(text);
  };
  return {
    async show(outputs, { ends }) {
      for (const { to, text, opens, closes } of outputs) {
        if (to === "stdout") {
          const { done, open } = markdown.add(text, layout());
          await region.update(done, [...open, ...runningLines()]);
          continue;
        }
        if (opens !== undefined && asked) continue;
        asked = false;
        if (closes !== undefined) running.delete(closes);
        const line = closes === undefined ? text : `${cutPainted(text.trimEnd(), stdout.columns - 1)}\n`;
        await say(opens === undefined ? line : "");
        if (opens !== undefined) running.set(opens, text.trimEnd());
        await region.update([], runningLines());
      }
      if (ends) await finish();
    },
    async interject(text) {
      // A question may follow, and the calls would stand below it.
      running.clear();
      await say(text);
      asked = !text.endsWith("\n");
    },
    async close() {
      running.clear();
      await say("");
    },
  };
}
