import { type Command, Option } from "commander";
import { openBackend } from "../backend/open-backend.ts";
import { agentOfChat } from "../chat/agent-of-chat.ts";
import { createConversation } from "../chat/conversation.ts";
import { converse } from "../chat/converse.ts";
import { collect, type GlobalOptions, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { formatOf } from "../output/format.ts";

export type ChatOptions = GlobalOptions & {
  readonly agent?: string | undefined;
  readonly session?: string;
  readonly model?: string;
  readonly workspace?: string;
  readonly approve?: "never" | "all" | "fail";
  readonly env?: readonly string[];
  readonly verbose?: boolean;
};

export function newChatCommand(deps: Deps, run = chat): Command {
  const approve = new Option("--approve <mode>", "where it asks: never, all, or fail (leave it waiting, exit 3)");
  return newLeaf(
    "chat",
    "Talks with an agent in one session. On a terminal /help says what can be typed; in a pipe each line is a message.",
  )
    .argument("[agent]", "name of the agent; may be left out where there is one, or with --session")
    .option("--session <id>", "go on in this session (id or name), instead of a new one")
    .option("--model <model>", "provider/model, instead of the agent's")
    .option("--workspace <dir>", "folder in which its tools work; this one unless told")
    .addOption(approve.choices(["never", "all", "fail"]))
    .option("--env <name>", "environment that gives values, the last one first; repeatable", collect)
    .option("--verbose", "show calls of tools with all that they take and answer")
    .action((agent: string | undefined, _, command: Command) =>
      run(deps, { ...optionsOf<GlobalOptions>(command), agent }),
    );
}

export async function chat(deps: Deps, options: ChatOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json"] });
  if (options.session !== undefined && options.workspace !== undefined) {
    throw misused("--workspace can't stand beside --session", "a session has its workspace already");
  }
  if (options.session !== undefined && options.env !== undefined) {
    throw misused("--env can't stand beside --session", "a session has its environments already");
  }
  await using backend = await openBackend(deps, options);
  const name = await agentOfChat(deps, backend, options);
  const conversation = createConversation(deps, backend, { ...options, name, json: format === "json" });
  await converse(deps, conversation);
}
