import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { ollamaStandin } from "@stigmer/standins";
import { hasPseudoTerminals } from "@stigmer/standins/pseudo-terminal";
import { compareStory } from "./story/compare-story.ts";
import { MODEL, playNewcomer, REPOSITORY, TURNS } from "./story/newcomer.ts";
import { openNewcomerStage } from "./story/newcomer-stage.ts";

const GUIDE = join(import.meta.dirname, "../docs/guide/newcomer.md");

const HEAD = `# The first half hour

Somebody new has a repository and a terminal, and gets an agent to work on it.

This is a recording. \`make record-newcomer\` plays it in a pseudo-terminal with the programs that \`make build\` makes and
\`@modelcontextprotocol/server-filesystem\`; a test plays it again and compares. The model is a stand-in that speaks as Ollama does and
has its answers from a script. Ids, times and durations are replaced, as no two are alike. What stands behind a question was typed.
`;

type Message = { readonly role?: unknown; readonly content?: unknown };

/** What the model says next: the turn after as many of its own as there are since the user last spoke. */
function turnFor(body: { readonly messages?: unknown }): { readonly text: string } {
  const messages = (Array.isArray(body.messages) ? body.messages : []) as readonly Message[];
  const at = messages.findLastIndex(({ role }) => role === "user");
  const said = messages.slice(at + 1).filter(({ role }) => role === "assistant").length;
  const turns = TURNS[String(messages[at]?.content)] ?? [{ text: "ok" }];
  return turns[said] ?? { text: "There is nothing more to say." };
}

async function record(): Promise<string> {
  await using ollama = await ollamaStandin({ handler: turnFor, models: [MODEL] });
  await using stage = await openNewcomerStage(REPOSITORY, { ollama: ollama.url });
  await playNewcomer(stage);
  return `${HEAD}\n${stage.text()}`;
}

/** Where `stigmer init` looks for servers of models, Ollama's apart. */
const PORTS = [1234, 8000, 8080];

/** Why this machine can't play it as it is kept; empty where it can. */
async function obstacle(): Promise<string> {
  if (!hasPseudoTerminals()) return "a pseudo-terminal takes python3";
  const taken = await Promise.all(PORTS.map(isTaken));
  const port = PORTS.find((_, at) => taken[at]);
  return port === undefined ? "" : `something listens on port ${port}, and init might find it`;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

if (import.meta.main) {
  const isCheck = process.argv.includes("--check");
  const why = await obstacle();
  if (why) {
    process.stderr.write(`not played: ${why}\n`);
    process.exitCode = isCheck ? 0 : 1;
  } else {
    const text = await record();
    if (isCheck) compareStory({ file: GUIDE, target: "record-newcomer", skipped: [] }, text);
    else writeFileSync(GUIDE, text);
  }
}
