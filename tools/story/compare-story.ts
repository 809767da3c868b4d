import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";

type Kept = {
  readonly file: string;
  /** What records it anew. */
  readonly target: string;
  /** Chapters that this machine can't play. */
  readonly skipped: readonly string[];
};

/** Says where the story that is kept and the one that was played part, and ends the process badly. */
export function compareStory({ file, target, skipped }: Kept, played: string): void {
  const kept = existsSync(file) ? without(readFileSync(file, "utf8"), skipped) : "";
  if (kept === played) return;
  const [told, now] = [kept.split("\n"), played.split("\n")];
  const at = now.findIndex((line, index) => line !== told[index]);
  const lines = [`it says      ${told[at] ?? "nothing"}`, `now it goes  ${now[at] ?? "no further"}`, "", played];
  process.stderr.write(`docs/guide/${basename(file)} tells another story; make ${target}\n${lines.join("\n")}`);
  process.exitCode = 1;
}

/** A story without these chapters. */
function without(text: string, titles: readonly string[]): string {
  const chapters = text.split(/^(?=## )/m);
  return chapters.filter((chapter) => !titles.some((title) => chapter.startsWith(`## ${title}\n`))).join("");
}
