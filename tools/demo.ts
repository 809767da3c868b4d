import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Shows one agent at work, with the commands that a person would type: a real daemon on a throw-away data folder and a
 * free port, a real tool that changes a file, an approval that a second client gives while nothing holds the execution,
 * and a timeline that is verified. MODEL names a model; without it a script speaks.
 */
const ROOT = join(import.meta.dirname, "..");
const PROJECT = join(ROOT, "examples/projects/notes");
const STIGMER = join(ROOT, "dist/bin/stigmer");
const PARKED = 3;
const MAX_APPROVALS = 20;

type Shown = { readonly code: number; readonly output: string };

const folder = mkdtempSync(join(tmpdir(), "stigmer-demo-"));
const workspace = join(folder, "workspace");
const env = { ...process.env, STIGMER_HOME: join(folder, "home"), STIGMER_PORT: String(await freePort()) };

try {
  prepareWorkspace();
  const model = await chooseModel();
  await demonstrate(model);
} finally {
  spawnSync(STIGMER, ["local", "stop"], { env, stdio: "ignore" });
  rmSync(folder, { recursive: true, force: true });
}

async function demonstrate(model: string): Promise<void> {
  say("A daemon starts on a throw-away data folder, and gets an MCP server and an agent that may use it.");
  await must("local", "start");
  await must("apply", "-f", join(PROJECT, "mcp-server.yaml"), "-f", join(PROJECT, "agent.yaml"));

  say("The agent is asked. Its tool may change a file, so the execution parks until a person decides.");
  let shown = await show("agent", "execute", "note-taker", "remember that I want to buy milk", "--model", model);
  const id = idIn(shown, "aex");
  for (let count = 0; shown.code === PARKED && count < MAX_APPROVALS; count++) {
    say("Nobody holds it now: no runner has its lease, no process waits. A second client looks, and approves.");
    const approval = idIn(shown, "apr");
    await must("execution", "get", id);
    await must("approval", "approve", approval);
    say("The commit of that decision woke the execution. Its timeline from the first event to the last:");
    shown = await show("execution", "logs", "-f", id);
  }
  if (shown.code !== 0) throw new Error(`the execution ended with ${shown.code}`);

  say("The tool really changed a file:");
  process.stdout.write(`$ cat notes.md\n${readFileSync(join(workspace, "notes.md"), "utf8")}`);
  say("And the journal is whole: every hash is computed again from what is stored.");
  await must("execution", "verify", id);
}

function prepareWorkspace(): void {
  cpSync(join(PROJECT, "script.yaml"), join(workspace, "script.yaml"), { recursive: true });
  symlinkSync(join(PROJECT, "server.mjs"), join(workspace, "server.mjs"));
}

async function chooseModel(): Promise<string> {
  if (process.env.MODEL) return process.env.MODEL;
  say("The model is scripted: a file says its lines, and no AI is involved.");
  const [first] = await ollamaModels();
  if (first) process.stdout.write(`   Ollama runs here. The same with a real model: make demo MODEL=ollama/${first}\n`);
  if (process.env.OPENAI_API_KEY)
    process.stdout.write("   OPENAI_API_KEY is set. The same with a real model: make demo MODEL=openai/gpt-5-mini\n");
  return `scripted/${join(workspace, "script.yaml")}`;
}

async function ollamaModels(): Promise<string[]> {
  try {
    const answer = await fetch("http://127.0.0.1:11434/api/tags", { signal: AbortSignal.timeout(300) });
    const { models } = (await answer.json()) as { models: { name: string }[] };
    return models.map(({ name }) => name);
  } catch {
    return []; // nobody answers there
  }
}

function say(text: string): void {
  process.stdout.write(`\n── ${text}\n`);
}

async function must(...args: string[]): Promise<Shown> {
  const shown = await show(...args);
  if (shown.code !== 0) throw new Error(`stigmer ${args.join(" ")} ended with ${shown.code}`);
  return shown;
}

/** Runs one command in sight. */
function show(...args: string[]): Promise<Shown> {
  process.stdout.write(`$ stigmer ${args.map(quoted).join(" ")}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(STIGMER, args, { cwd: workspace, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        process.stdout.write(chunk);
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function idIn({ output }: Shown, prefix: string): string {
  const [id] = new RegExp(`${prefix}_[0-9A-Z]{26}`).exec(output) ?? [];
  if (!id) throw new Error(`no ${prefix} id was printed`);
  return id;
}

function quoted(arg: string): string {
  const short = arg.replace(`${ROOT}/`, "").replace(`${workspace}/`, "");
  return /\s/.test(short) ? JSON.stringify(short) : short;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
