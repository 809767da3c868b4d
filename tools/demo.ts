import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Shows one agent at work, with the commands that a person would type: a real daemon on a throw-away data folder and a
 * free port, a real tool that changes a file, an approval that a second client gives while nothing holds the execution,
 * and a timeline that is verified. MODEL names a model; without it a script speaks. OLLAMA_HOST says where Ollama is, where
 * it is not at its usual place.
 */
const ROOT = join(import.meta.dirname, "..");
const PROJECT = join(ROOT, "examples/projects/notes");
const STIGMER = join(ROOT, "dist/bin/stigmer");
const PARKED = 3;
const MAX_APPROVALS = 20;
const OLLAMA = ollamaUrl(process.env.OLLAMA_HOST ?? "127.0.0.1:11434");

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

  if (!existsSync(join(workspace, "notes.md"))) throw new Error(`${model} wrote nothing down; try a larger model`);
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
  const { MODEL } = process.env;
  if (MODEL?.startsWith("ollama/")) await prepareOllama(MODEL.slice("ollama/".length));
  if (MODEL) return MODEL;
  say("The model is scripted: a file says its lines, and no AI is involved.");
  const [first] = (await ollamaModels()) ?? [];
  if (first) process.stdout.write(`   Ollama runs here. The same with a real model: make demo MODEL=ollama/${first}\n`);
  if (process.env.OPENAI_API_KEY)
    process.stdout.write("   OPENAI_API_KEY is set. The same with a real model: make demo MODEL=openai/gpt-5-mini\n");
  return `scripted/${join(workspace, "script.yaml")}`;
}

async function prepareOllama(name: string): Promise<void> {
  const models = await ollamaModels();
  if (!models) throw new Error(`nothing answers at ${OLLAMA}: start Ollama, or set OLLAMA_HOST`);
  const known = [name, `${name}:latest`].some((one) => models.includes(one));
  if (!known)
    throw new Error(`Ollama has no model ${name}: run \`ollama pull ${name}\`, or take one of ${models.join(", ")}`);
  say(`The model is ${name}, which Ollama runs on this machine.`);
  await must("config", "set", "providers.ollama.baseUrl", OLLAMA);
}

/** The models that Ollama has; nothing where nobody answers. */
async function ollamaModels(): Promise<string[] | undefined> {
  try {
    const answer = await fetch(`${OLLAMA}/api/tags`, { signal: AbortSignal.timeout(1_000) });
    const { models } = (await answer.json()) as { models: { name: string }[] };
    return models.map(({ name }) => name);
  } catch {
    return undefined;
  }
}

/** Ollama's own variable may leave out the scheme, and may name the address that the server listens on. */
function ollamaUrl(host: string): string {
  const whole = /^https?:/.test(host);
  const url = new URL(whole ? host : `http://${host}`);
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (!whole && !url.port) url.port = "11434";
  return url.origin;
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
