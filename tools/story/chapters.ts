import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Program, type Stage, until } from "./stage.ts";

export const DISK_CHAPTER = "The disk fills";
const LEASE_S = 3;
const CLOSED_MS = 4_000;
/** The daemon sees that the lease is over before the runner is heard again. */
const HEAD_START_MS = 500;

/** What all chapters are about. */
type Told = { readonly stage: Stage; readonly id: string };

/** Plays the story from the first command to the last. */
export async function playStory(stage: Stage): Promise<void> {
  const told = { stage, id: await getToWork(stage) };
  await killRunner(told);
  await closeLaptop(told);
  await killDaemon(told);
  await fillDisk(told);
  await decideOnMonday(told);
  await killInTheMiddle(told);
  await lookBack(told);
}

async function getToWork(stage: Stage): Promise<string> {
  writeFileSync(join(stage.home, "config.yaml"), `runner: { leaseDuration: ${LEASE_S} }\n`);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(stage.folder, name), text);
  writeScript(stage, { firstDelayMs: 2_000 });
  stage.chapter("Friday: an agent gets to work", "A folder has an account book, a server of tools and an agent.");
  for (const name of Object.keys(FILES)) stage.cat(name);
  await stage.run(["local", "start"]);
  await stage.run(["apply", "-f", "mcp-server.yaml", "-f", "agent.yaml"]);
  const model = "scripted/books.yaml";
  const output = await stage.run([
    ...["agent", "execute", "bookkeeper", "enter the rent, then the ink", "--model", model, "--detach"],
  ]);
  const [id] = /aex_[0-9A-Z]{26}/.exec(output) ?? [];
  if (!id) throw new Error(`no execution was named: ${output}`);
  await events({ stage, id }, { modelCallStarted: 1 });
  return id;
}

async function killRunner({ stage, id }: Told): Promise<void> {
  stage.chapter(
    "Somebody kills the runner",
    `The model is in the middle of its answer. The daemon sees the runner die and starts another, which takes over at once and waits for the
same answer: the model is not asked again.`,
  );
  const was = stage.pidOf("runner");
  kill(stage, "runner", "SIGKILL");
  stage.did("kill -9 <runner>");
  await events({ stage, id }, { leaseGranted: 2 });
  await until("another runner", () => (stage.pidOf("runner") === was ? undefined : true));
  await stage.run(["execution", "why", id]);
}

async function closeLaptop({ stage, id }: Told): Promise<void> {
  stage.chapter(
    "The laptop is closed",
    `Both processes stand still for longer than a lease lasts, here ${LEASE_S} s so that the story needs less patience. The daemon takes a
runner that says nothing for dead, and gives it the execution anew, under a new lease, when it is heard again; what came late under
the old one would be refused. (Where the whole machine slept, the daemon sees the clock jump, and the old lease goes on.)`,
  );
  for (const program of ["runner", "daemon"] as const) kill(stage, program, "SIGSTOP");
  await sleep(CLOSED_MS);
  kill(stage, "daemon", "SIGCONT");
  await sleep(HEAD_START_MS);
  kill(stage, "runner", "SIGCONT");
  stage.did(`kill -STOP <daemon> <runner>; sleep ${CLOSED_MS / 1000}; kill -CONT <daemon> <runner>`);
  await events({ stage, id }, { leaseGranted: 3 });
  await stage.run(["execution", "why", id]);
}

async function killDaemon({ stage, id }: Told): Promise<void> {
  stage.chapter(
    "The daemon dies",
    `The model's answer is lost with it, and nothing else. The runner waits for the next daemon, keeps its lease, and has the call made
again.`,
  );
  writeScript(stage, { firstDelayMs: 1_000 });
  writeFileSync(join(stage.home, "config.yaml"), "");
  kill(stage, "daemon", "SIGKILL");
  stage.did("kill -9 <daemon>");
  await stage.run(["local", "start"]);
  await events({ stage, id }, { modelCallStarted: 2 });
  await stage.run(["execution", "why", id]);
}

async function fillDisk({ stage, id }: Told): Promise<void> {
  if (!stage.disk) return;
  stage.chapter(DISK_CHAPTER, "What can't be recorded is refused, or waits. What is there can be read.");
  stage.disk.fill();
  await until("a refusal", () => takeLastBytes(stage));
  stage.did("not one byte is left where the daemon keeps its data");
  await stage.run(["agent", "create", "clerk", "--instructions", "You file letters."], 1);
  await stage.run(["execution", "why", id]);
  stage.disk.free();
  stage.did("there is room again");
  await stage.run(["agent", "create", "clerk", "--instructions", "You file letters."]);
  await events({ stage, id }, { approvalRequested: 1 });
}

async function decideOnMonday({ stage, id }: Told): Promise<void> {
  await events({ stage, id }, { approvalRequested: 1 });
  stage.chapter(
    "Monday: an approval",
    `The agent wants to change a file, so a person decides. Until then the execution holds no runner, no process and no memory, and
everything can be off over the weekend.`,
  );
  await stage.run(["local", "stop"]);
  await stage.run(["local", "start"]);
  await stage.run(["execution", "why", id]);
  const inbox = await stage.run(["approval", "list"]);
  const approval = approvalIn(inbox);
  await stage.run(["approval", "show", approval]);
  await stage.run(["approval", "approve", approval, "--scope", "tool"]);
  await events({ stage, id }, { toolCallFinished: 1, modelCallStarted: 3 });
  stage.cat("books.md");
}

async function killInTheMiddle({ stage, id }: Told): Promise<void> {
  stage.chapter(
    "The runner dies in the middle of a tool call",
    `The second entry needs no approval, as the first one covers this tool. But the runner is killed after the tool has changed the file
and before its answer has arrived. Nobody can know whether the call had its effect, so nothing makes it again by itself: a person is
asked.`,
  );
  const server = stage.toolServer();
  process.kill(server, "SIGSTOP");
  await events({ stage, id }, { toolCallStarted: 2 });
  kill(stage, "runner", "SIGSTOP");
  process.kill(server, "SIGCONT");
  await until("the second entry", () => (books(stage).includes("ink") ? true : undefined));
  kill(stage, "runner", "SIGKILL");
  stage.did("kill -9 <runner>, as soon as the file has changed");
  await events({ stage, id }, { approvalRequested: 2 });
  await stage.run(["execution", "why", id]);
  stage.cat("books.md");
  stage.tell("The entry is there. So the call is left out, and the agent is told why.");
  const inbox = await stage.ask("approval", "list", "-o", "json");
  await stage.run(["approval", "skip", approvalIn(inbox ?? ""), "--comment", "the entry is in the book"]);
  await events({ stage, id }, { modelCallFinished: 3 });
}

async function lookBack({ stage, id }: Told): Promise<void> {
  stage.chapter("What happened", "Each entry stands in the book once, and the journal has it all.");
  await stage.run(["execution", "logs", "-f", id]);
  await stage.run(["execution", "verify", id]);
  stage.cat("books.md");
  if (books(stage) !== BOOKS_AT_THE_END) throw new Error(`the books are wrong:\n${books(stage)}`);
}

/** The database's last file may have some room left, which a small command fits in. */
async function takeLastBytes(stage: Stage): Promise<true | undefined> {
  const words = ["agent", "create", "filler", "--instructions", "x".repeat(60_000)];
  return (await stage.ask(...words)) === undefined || undefined;
}

/** Waits until the journal has so many entries of each of these kinds. */
async function events({ stage, id }: Told, wanted: Readonly<Record<string, number>>): Promise<void> {
  let journal = "";
  const isThere = async (): Promise<true | undefined> => {
    journal = (await stage.ask("execution", "logs", id)) ?? journal;
    const kinds = journal.split("\n").map((line) => line.split("\t")[2]);
    const enough = ([kind, count]: [string, number]) => kinds.filter((one) => one === kind).length >= count;
    return Object.entries(wanted).every(enough) || undefined;
  };
  await until("a longer journal", isThere).catch((cause) => {
    throw new Error(`the journal did not get ${JSON.stringify(wanted)}:\n${journal}`, { cause });
  });
}

function kill(stage: Stage, program: Program, signal: NodeJS.Signals): void {
  process.kill(stage.pidOf(program), signal);
}

function approvalIn(text: string): string {
  const [id] = /apr_[0-9A-Z]{26}/.exec(text) ?? [];
  if (!id) throw new Error(`no approval is open: ${text}`);
  return id;
}

function books(stage: Stage): string {
  return readFileSync(join(stage.folder, "books.md"), "utf8");
}

const FILES: Readonly<Record<string, string>> = {
  "books.md": "# Books\n\ntotal\n",
  "mcp-server.yaml": `apiVersion: agentic.stigmer.ai/v1
kind: McpServer
metadata:
  name: files
spec:
  stdio:
    command: mcp-server-filesystem
    args: ["."]
`,
  "agent.yaml": `apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata:
  name: bookkeeper
spec:
  instructions: You keep the books, in books.md.
  mcpServers:
    - name: files
      tools: [edit_file]
`,
};

const BOOKS_AT_THE_END = "# Books\n\n- rent\n- ink\ntotal\n";

/** How slowly the model begins decides what can happen to it meanwhile. */
function writeScript(stage: Stage, { firstDelayMs }: { readonly firstDelayMs: number }): void {
  const turns = [
    { text: "I will enter the rent first, and then the ink.", toolCalls: [enter("rent")], delayMs: firstDelayMs },
    { text: "The rent is in the book; now the ink.", toolCalls: [enter("ink")], delayMs: 400 },
    { text: "Both are in the book." },
  ];
  writeFileSync(join(stage.home, "scripts/books.yaml"), JSON.stringify({ turns }));
}

function enter(what: string): unknown {
  const edits = [{ oldText: "total", newText: `- ${what}\ntotal` }];
  return { name: "files__edit_file", arguments: { path: "books.md", edits } };
}
