import type { Deps } from "../deps.ts";
import { tallyText } from "../execution/tally.ts";
import { explain } from "../explain.ts";
import { EXIT } from "../failure.ts";
import { complain } from "../output/complain.ts";
import { paintFor } from "../output/paint.ts";
import { printableLine } from "../output/printable.ts";
import type { Conversation } from "./conversation.ts";

const MAX_HISTORY = 200;

/** Talks until the person leaves; off a terminal until the end of the input, each line a message. */
export async function converse(deps: Deps, conversation: Conversation): Promise<void> {
  if (!deps.stdin.isTTY || !deps.stderr.isTTY) return await converseInPipe(deps, conversation);
  const paint = paintFor(deps.stderr, deps.env);
  const { agent } = conversation;
  await deps.stderr.write(paint.dim(`talking with ${printableLine(agent)}; /help says what can be typed\n`));
  const history: string[] = [];
  for (;;) {
    const text = await read(deps, { prompt: `${paint.bold("you")} › `, history });
    if (text === undefined) break;
    if (!text) continue;
    if (!text.includes("\n")) history.unshift(text);
    history.splice(MAX_HISTORY);
    if (!text.startsWith("/")) await say(deps, conversation, text);
    else if ((await obey(deps, conversation, text)) === "leave") break;
  }
  const session = conversation.session();
  if (session) await deps.stderr.write(paint.dim(`go on later: stigmer chat ${agent} --session ${session}\n`));
}

/** Commands are for people; here each line is what it is. A message that fails ends it. */
async function converseInPipe(deps: Deps, conversation: Conversation): Promise<void> {
  for (;;) {
    const line = await deps.stdin.line(deps.interrupt);
    if (line === undefined) break;
    if (line.trim()) await conversation.say(line);
  }
}

/** What the person wrote; undefined where that is nothing more. */
async function read(
  deps: Deps,
  { prompt, history }: { readonly prompt: string; readonly history: readonly string[] },
): Promise<string | undefined> {
  let warned = false;
  for (;;) {
    const edited = await deps.stdin.edit({ prompt, history, signal: deps.interrupt });
    if (edited.kind === "text") return edited.text.trim();
    await deps.stderr.write("\n");
    if (edited.kind === "end" || warned) return undefined;
    warned = true;
    await deps.stderr.write("Ctrl-C again, Ctrl-D or /exit leaves\n");
  }
}

/** What went wrong is said, and the conversation goes on; unless nobody is there any more, on either side. */
async function say(deps: Deps, conversation: Conversation, text: string): Promise<void> {
  try {
    await conversation.say(text);
    await deps.stderr.write("\n");
  } catch (error) {
    const failure = explain(error);
    const leaves: readonly number[] = [EXIT.interrupted, EXIT.unreachable, EXIT.refused];
    if (deps.interrupt.aborted || leaves.includes(failure.exit)) throw failure;
    await complain(deps, failure);
  }
}

type Command = (deps: Deps, conversation: Conversation, rest: string) => Promise<void>;

const HELP = `/model [provider/model]  say, or choose, the model of what comes next
/attach <file>           send an image or a file along with the next message
/usage                   what this conversation has used
/expand                  the last answer again, with all that its calls took and answered
/exit                    leave; the session stays
A backslash at the end of a line goes on in the next; what is pasted may have many lines. A second slash (//…) says a message that
begins with one. Ctrl-C cancels an answer that comes, a second one leaves it to itself.
`;

const COMMANDS: Readonly<Record<string, Command | undefined>> = Object.assign(Object.create(null), {
  help: (deps: Deps) => deps.stderr.write(HELP),
  usage: (deps: Deps, { tally }: Conversation) => deps.stderr.write(`${tallyText(tally())}\n`),
  model: chooseModel,
  attach,
  expand: (_: Deps, conversation: Conversation) => conversation.expand(),
});

async function obey(deps: Deps, conversation: Conversation, text: string): Promise<"leave" | undefined> {
  const [, word = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(text) ?? [];
  if (word === "exit" || word === "quit") return "leave";
  const command = COMMANDS[word];
  if (text.startsWith("//")) await say(deps, conversation, text.slice(1));
  else if (command) await command(deps, conversation, rest.trim());
  else await deps.stderr.write(`there is no ${printableLine(`/${word}`)}; /help says what there is\n`);
  return undefined;
}

async function chooseModel(deps: Deps, conversation: Conversation, model: string): Promise<void> {
  if (!model) return await deps.stderr.write(`${conversation.model() || "the agent's own"}\n`);
  if (/^[a-z][a-z0-9-]*\/.+$/.test(model)) conversation.setModel(model);
  else await deps.stderr.write("a model has the form provider/model, such as openai/gpt-5 or ollama/qwen3\n");
}

async function attach(deps: Deps, conversation: Conversation, path: string): Promise<void> {
  try {
    const all = path ? await conversation.attach(path) : [];
    const text = all.length > 0 ? `goes along: ${all.join(", ")}` : "name a file";
    await deps.stderr.write(`${printableLine(text)}\n`);
  } catch (error) {
    await complain(deps, explain(error));
  }
}
