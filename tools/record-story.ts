import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DISK_CHAPTER, playStory } from "./story/chapters.ts";
import { compareStory } from "./story/compare-story.ts";
import { openStage } from "./story/stage.ts";

const STORY = join(import.meta.dirname, "../docs/guide/story.md");

const HEAD = `# A story

Somebody asks an agent to enter two payments into a book. Then everything goes wrong that can go wrong on a laptop, a weekend passes,
and both payments stand in the book once.

This is a recording. \`make record-story\` plays it with the programs that \`make build\` makes, a model that reads its lines from a
script, and \`@modelcontextprotocol/server-filesystem\`; a test plays it again and compares. Ids, times and durations are replaced, as no
two are alike, and lists look as on a terminal. Lines with \`#\` say what was done to the machine: the script sees to it that it
comes at the worst moment. Monday comes after a few seconds. [Executions](executions.md) says what the commands do.
`;

/** Plays the story; says which chapter this machine can't play. */
async function recordStory(): Promise<{ readonly text: string; readonly skipped: readonly string[] }> {
  await using stage = await openStage();
  await playStory(stage);
  return { text: `${HEAD}\n${stage.text()}`, skipped: stage.disk ? [] : [DISK_CHAPTER] };
}

if (import.meta.main) {
  const { text, skipped } = await recordStory();
  for (const title of skipped) process.stderr.write(`not played: "${title}": only root may mount a small disk\n`);
  if (process.argv.includes("--check")) compareStory({ file: STORY, target: "record-story", skipped }, text);
  else if (skipped.length > 0) throw new Error("a story that is kept has every chapter");
  else writeFileSync(STORY, text);
}
