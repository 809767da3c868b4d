import type { PseudoTerminal } from "@stigmer/standins/pseudo-terminal";
import type { NewcomerStage } from "./newcomer-stage.ts";

/** The repository that the newcomer has. */
export const REPOSITORY: Readonly<Record<string, string>> = {
  "greet.sh": '#!/bin/sh\n# Greets whoever is named.\nname=${1:-world}\necho "Helo, $name!"\n',
  "README.md": "# Greeter\n\nGreets people.\n",
};

/** The model that Ollama has there. */
export const MODEL = "qwen3";

type Turn = {
  readonly text: string;
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: object }[];
};

const READ = { name: "files__read_text_file", arguments: { path: "greet.sh" } };
const CORRECT = {
  name: "files__edit_file",
  arguments: { path: "greet.sh", edits: [{ oldText: 'echo "Helo, $name!"', newText: 'echo "Hello, $name!"' }] },
};
const EXPLAIN = {
  name: "files__write_file",
  arguments: { path: "README.md", content: "# Greeter\n\nGreets people.\n\n    sh greet.sh Ada\n" },
};

const FIX = "the greeting has a typing error, correct it";
const ASK = "what can I say to greet.sh?";
const DOCUMENT = "write that into the README";

/** What the model says, by what it was asked. */
export const TURNS: Readonly<Record<string, readonly Turn[]>> = {
  [FIX]: [
    { text: "I will look at the script first.", toolCalls: [READ] },
    { text: "The greeting says `Helo`. I correct that one word:", toolCalls: [CORRECT] },
    { text: "Done. **greet.sh** now says *Hello*; nothing else has changed." },
  ],
  [ASK]: [
    {
      text: "It takes one argument:\n\n| you type | it says |\n|---|---|\n| `sh greet.sh` | Hello, world! |\n| `sh greet.sh Ada` | Hello, Ada! |\n",
    },
  ],
  [DOCUMENT]: [{ text: "I add how to call it:", toolCalls: [EXPLAIN] }, { text: "The README shows a call now." }],
};

const APPROVE = "[y]es";
const PROMPT = "you ›";

/** Plays what a newcomer does from the first command to the last. */
export async function playNewcomer(stage: NewcomerStage): Promise<void> {
  await beginProject(stage);
  await correctGreeting(stage);
  await talk(stage);
  await lookBack(stage);
}

async function beginProject(stage: NewcomerStage): Promise<void> {
  stage.chapter(
    "A project",
    `A folder has a small repository. \`stigmer init\` looks for models on this machine, asks which one to take, and writes an agent, a server of
tools and a skill; what is there already it leaves alone.`,
  );
  await stage.run(["git", "ls-files"]);
  await stage.run(["sh", "greet.sh", "Ada"]);
  await stage.stigmer(["init", "agents", "--template", "editor"], async (terminal) => {
    await answer(terminal, "default model", "1");
  });
  stage.tell("`stigmer doctor` says what works, and of what does not, what to type.");
  await stage.stigmer(["doctor", "--ask-model"]);
  await stage.stigmer(["apply", "-f", "agents"]);
}

async function correctGreeting(stage: NewcomerStage): Promise<void> {
  stage.chapter(
    "An agent that edits",
    `Nobody has accepted the tools of the server yet, so the first call of each asks. \`t\` is the answer for this tool as long as this
execution runs; a tool that only reads never asks again. What would happen to a file is shown before it happens.`,
  );
  await stage.stigmer(["agent", "execute", "editor", FIX], async (terminal) => {
    await answer(terminal, APPROVE, "t");
    await answer(terminal, APPROVE, "y");
  });
  await stage.run(["git", "diff"]);
  await stage.run(["sh", "greet.sh", "Ada"]);
}

async function talk(stage: NewcomerStage): Promise<void> {
  stage.chapter("A conversation", "`stigmer chat` talks in one session: what was said before is known.");
  await stage.stigmer(["chat", "editor"], async (terminal) => {
    await answer(terminal, PROMPT, ASK);
    await answer(terminal, PROMPT, DOCUMENT);
    await answer(terminal, APPROVE, "y");
    await answer(terminal, PROMPT, "/usage");
    await answer(terminal, PROMPT, "/exit");
  });
  await stage.run(["git", "diff", "--stat"]);
}

async function lookBack(stage: NewcomerStage): Promise<void> {
  stage.chapter(
    "What it took",
    "Every model call is on record with its tokens and, where the price is known, its cost.",
  );
  await stage.stigmer(["usage"]);
  await stage.stigmer(["usage", "--by", "model"]);
  await stage.stigmer(["local", "stop"]);
}

async function answer(terminal: PseudoTerminal, question: string, text: string): Promise<void> {
  await terminal.shows(question);
  terminal.type(`${text}\r`);
}
