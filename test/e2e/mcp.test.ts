import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentExecutionQueryController, ExecutionPhase } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { type CliResult, stigmer } from "./cli.ts";
import { eventually, ROOT, startDaemon, type TestDaemon } from "./harness.ts";

const SERVER = join(ROOT, "runners/typescript/src/fixtures/talking-server.mjs");

/** A person at the command line, with a daemon whose runner hosts a server that asks and tells. */
async function person(era: "modern" | "sessions") {
  const daemon = await startDaemon();
  const run = async (...args: string[]): Promise<CliResult> => {
    const result = await stigmer(args, { home: daemon.home, env: { STIGMER_URL: daemon.url } });
    if (result.code !== 0) throw new Error(`stigmer ${args.join(" ")} ended with ${result.code}: ${result.stderr}`);
    return result;
  };
  const added = await run("mcp", "add", "talk", "--", process.execPath, SERVER, era);
  return { daemon, run, added, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

/** An execution that calls the tool `ask`; its id. */
async function asks(home: string, run: (...args: string[]) => Promise<CliResult>): Promise<string> {
  const script = join(home, "script.json");
  const turns = [{ toolCalls: [{ name: "talk__ask", arguments: {} }] }, { text: "asked" }];
  writeFileSync(script, JSON.stringify({ turns }));
  await run("agent", "create", "asker", "--instructions", "ask", "--mcp-server", "talk");
  const started = await run(
    "agent",
    "execute",
    "asker",
    "go",
    "--detach",
    "--model",
    `scripted/${script}`,
    "-o",
    "json",
  );
  return JSON.parse(started.stdout).metadata.id;
}

async function approvalOf(daemon: TestDaemon, id: string, before = ""): Promise<string> {
  return await eventually(async () => {
    const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });
    const approvalId = status?.approvalId ?? "";
    return approvalId && approvalId !== before ? approvalId : undefined;
  }, "an approval");
}

describe.each(["sessions", "modern"] as const)("an MCP server of the era of %s", (era) => {
  it("is added, listed, called and read the log of, by a person", async () => {
    await using someone = await person(era);
    const { run, added } = someone;

    const listed = await run("mcp", "list", "-o", "name");
    const tools = await run("mcp", "tools", "talk", "-o", "json");
    const called = await run("mcp", "call", "talk", "log", "--arguments", "{}");
    const logs = await run("mcp", "logs", "talk");

    expect([added.stdout, listed.stdout]).toEqual(["mcpserver/talk created\n", "mcpserver/talk\n"]);
    expect(JSON.parse(tools.stdout).tools.map(({ name }: { name: string }) => name)).toContain("ask");
    expect(called.stdout).toBe("logged\n");
    expect(logs.stdout).toContain("token is");
  });

  it("asks in a call: the form is filled in at the command line, and the call goes on with it", async () => {
    await using someone = await person(era);
    const { daemon, run } = someone;
    const id = await asks(daemon.home, run);

    const call = await approvalOf(daemon, id);
    await run("approval", "approve", call);
    const question = await approvalOf(daemon, id, call);
    const shown = await run("approval", "show", question);
    const why = await run("execution", "why", id);
    await run("approval", "approve", question, "--arguments", '{"branch":"main"}');
    const ended = await eventually(async () => {
      const { status } = await daemon.client.service(AgentExecutionQueryController).get({ id });
      return (status?.phase ?? 0) >= ExecutionPhase.SUCCEEDED ? status : undefined;
    }, "the end");
    const events = await run("execution", "logs", id, "-o", "json");

    expect(shown.stdout).toContain("it asks\tWhich branch?");
    expect(why.stdout).toContain("Which branch?");
    expect(ended).toMatchObject({ phase: ExecutionPhase.SUCCEEDED, output: "asked" });
    expect(events.stdout).toContain("main");
  });
});

it("a server that is not there is said to be so, with what to do", async () => {
  const home = mkdtempSync(join(tmpdir(), "stigmer-mcp-"));
  await using daemon = await startDaemon();
  const env = { STIGMER_URL: daemon.url };
  await stigmer(["mcp", "add", "gone", "--", "/no/such/program"], { home, env });

  const tools = await stigmer(["mcp", "tools", "gone"], { home, env });
  rmSync(home, { recursive: true, force: true });

  expect(tools.code).toBe(1);
  expect(tools.stderr).toMatch(/"gone" could not be started/);
});
