import type { Command } from "commander";
import { collect, countOf, newGroup, newLeaf, optionsOf } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { withListing } from "../kinds/selection.ts";
import type { ListOptions } from "./execution.ts";
import { list } from "./list.ts";
import type { AddOptions } from "./mcp-add.ts";
import type { CallOptions } from "./mcp-call.ts";
import type { LoginOptions } from "./mcp-login.ts";
import type { LogoutOptions } from "./mcp-logout.ts";
import type { LogsOptions } from "./mcp-logs.ts";
import type { ToolsOptions } from "./mcp-tools.ts";

type Runs = {
  readonly list: (deps: Deps, options: ListOptions) => Promise<void>;
  readonly add: (deps: Deps, options: AddOptions) => Promise<void>;
  readonly tools: (deps: Deps, options: ToolsOptions) => Promise<void>;
  readonly call: (deps: Deps, options: CallOptions) => Promise<void>;
  readonly logs: (deps: Deps, options: LogsOptions) => Promise<void>;
  readonly login: (deps: Deps, options: LoginOptions) => Promise<void>;
  readonly logout: (deps: Deps, options: LogoutOptions) => Promise<void>;
};

/** What one of them needs costs the others nothing. */
const RUNS: Runs = {
  list: (deps, options) => list(deps, { ...options, kind: "mcpserver" }),
  add: async (deps, options) => (await import("./mcp-add.ts")).add(deps, options),
  tools: async (deps, options) => (await import("./mcp-tools.ts")).tools(deps, options),
  call: async (deps, options) => (await import("./mcp-call.ts")).call(deps, options),
  logs: async (deps, options) => (await import("./mcp-logs.ts")).logs(deps, options),
  login: async (deps, options) => (await import("./mcp-login.ts")).login(deps, options),
  logout: async (deps, options) => (await import("./mcp-logout.ts")).logout(deps, options),
};

export function newMcpCommand(deps: Deps, run: Runs = RUNS): Command {
  return newGroup("mcp", "Keeps servers of tools that speak the Model Context Protocol, and tries them out.", [
    withListing(newLeaf("list", "Shows the servers.")).action((_, command: Command) =>
      run.list(deps, optionsOf<ListOptions>(command)),
    ),
    newAdd(deps, run),
    withEnvironments(newLeaf("tools", "Starts a server, and shows its tools."))
      .argument("<name>", "the server's name or id")
      .action((name: string, _, command: Command) => run.tools(deps, { ...optionsOf<ToolsOptions>(command), name })),
    withEnvironments(newLeaf("call", "Calls a tool of a server, outside of any execution; nobody is asked."))
      .argument("<name>", "the server's name or id")
      .argument("<tool>", "the tool's name on that server")
      .option("--arguments <json>", "what the tool takes, as JSON; @file reads a file, - standard input")
      .option("--timeout <seconds>", "give up after so long; 120 unless told", countOf)
      .action((name: string, tool: string, _, command: Command) =>
        run.call(deps, { ...optionsOf<CallOptions>(command), name, tool }),
      ),
    newLeaf("logs", "Shows what a server wrote to its log while it ran: the newest lines.")
      .argument("<name>", "the server's name or id")
      .option("-f, --follow", "go on with what it writes, until Ctrl-C")
      .option("-n, --lines <count>", "at most so many of the lines before; all that are kept unless told", countOf)
      .action((name: string, _, command: Command) => run.logs(deps, { ...optionsOf<LogsOptions>(command), name })),
    newLogin(deps, run),
    newLeaf("logout", "Forgets the tokens of a server that you signed in to, and has their issuer take them back.")
      .argument("<name>", "the server's name or id")
      .action((name: string, _, command: Command) => run.logout(deps, { ...optionsOf<LogoutOptions>(command), name })),
  ]);
}

function newLogin(deps: Deps, run: Runs): Command {
  return newLeaf("login", "Signs you in to a remote server, by OAuth: shows the page to open, and waits.")
    .argument("<name>", "the server's name or id")
    .option("--env <name>", "an environment that holds the client's secret; may be repeated", collect)
    .option("--scope <scope>", "ask for this in place of what the server's spec names; may be repeated", collect)
    .option("--open", "open the page in a browser, once it is shown")
    .option("--no-browser", "the browser is on another machine: paste the address that it shows in the end")
    .option("--callback-port <port>", "where the browser comes back to on 127.0.0.1; a free one unless told", countOf)
    .action((name: string, _, command: Command) => run.login(deps, { ...optionsOf<LoginOptions>(command), name }));
}

function newAdd(deps: Deps, run: Runs): Command {
  return newLeaf("add", "Keeps a server: a program that runners start, or a URL.")
    .argument("<name>", "its name")
    .argument("[command...]", "after --, the program and its arguments")
    .option("--server-url <url>", "the server's URL, where it is no program")
    .option(
      "--header <name=value>",
      "a header of each request; may be repeated, and say ${NAME} of a variable",
      collect,
    )
    .option("--env-var <name>", "a variable that it receives from environments; may be repeated", collect)
    .option("--description <text>", "one line for people")
    .option("--oauth-client-id <id>", "a client that was registered beforehand with who signs people in")
    .option("--oauth-issuer <url>", "who signs people in; no other one is believed")
    .option("--oauth-scope <scope>", "asked for at each sign-in; may be repeated", collect)
    .option(
      "--oauth-secret-env <name>",
      "an environment to keep the client's secret in, which is asked for or piped in",
    )
    .option("--oauth-secret-file <file>", "read the client's secret from a file instead")
    .option("--oauth-secret-variable <name>", "name of the secret in environments; <SERVER>_CLIENT_SECRET unless told")
    .action((name: string, words: readonly string[], _, command: Command) =>
      run.add(deps, { ...optionsOf<AddOptions>(command), name, command: words }),
    );
}

function withEnvironments(command: Command): Command {
  return command.option("--env <name>", "an environment that gives values to its variables; may be repeated", collect);
}
