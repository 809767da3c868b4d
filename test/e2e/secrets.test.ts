import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import {
  AgentCommandController,
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalQueryController,
  EnvironmentCommandController,
  ExecutionEventSchema,
  ExecutionQueryController,
  McpServerCommandController,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { expect, it, onTestFinished } from "vitest";
import { stigmer } from "./cli.ts";
import { eventually, startDaemon, type TestDaemon } from "./harness.ts";
import { bytesOfLevelDb } from "./leveldb-bytes.ts";

const SECRET = 'S3cr3t/+w0rd "quoted" & ünïcode?';
const ONCE = "one-off/secret+value=of the test";
const FORMS = [
  "raw",
  "json",
  "twice",
  "base64",
  "basic",
  "shifted",
  "mime",
  "pem",
  "base64url",
  "url",
  "form",
  "hex",
  "doubled",
  "long",
];
const PATHS = ["result", "structured", "failure", "error", "artifact", "stderr"];

/** What no byte of what is written may hold: each is the secret itself, or enough of it to have it. */
function tracesOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return text.slice(4, Math.floor(((before + bytes.length) * 8) / 6) - 4);
  });
  const json = JSON.stringify(secret).slice(1, -1);
  const url = new URLSearchParams({ t: secret }).toString().slice(2);
  const plain = [
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    encodeURIComponent(secret),
    url,
    bytes.toString("hex"),
  ];
  return [
    ...plain,
    ...base64.flatMap(piecesOf),
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
}

/** What a line break may leave of a text. */
function piecesOf(text: string): string[] {
  const places = Array.from({ length: Math.max(1, text.length - PIECE + 1) }, (_, at) => at);
  return places.map((at) => text.slice(at, at + PIECE));
}

const PIECE = 12;

it("keeps secrets out of everything, by whatever path they travel", async () => {
  const dir = mkdtempSync(join(tmpdir(), "stigmer-secrets-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const model = await oneCharacterAtATime();
  const config = `providers: {slow: {baseUrl: "${model}", api: chat, apiKeySecret: dev/PROVIDER_KEY}}\n`;
  await using daemon = await startDaemon({ config, env: { STIGMER_KEYCHAIN: "off" } });
  const script = (turns: readonly unknown[]): string => {
    const file = join(dir, `${Math.random()}.json`);
    writeFileSync(file, JSON.stringify({ turns }));
    return `scripted/${file}`;
  };
  await prepare(daemon, script);
  const written: string[] = [];
  const run = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await stigmer(args, {
      home: daemon.home,
      env: { STIGMER_URL: daemon.url },
      stdin: `${ONCE}\n`,
    });
    written.push(stdout, stderr);
    return stdout;
  };

  for (const agent of ["leaker", "talker", "boss"])
    await run("agent", "execute", agent, `my token is ${SECRET}`, "--approve", "all", "--secret", "ONCE");
  await aPersonSaysIt(daemon);
  for (const kind of ["environments", "agents", "executions", "approvals", "sessions", "mcpservers"])
    for (const format of ["json", "yaml", "table"]) await run("list", kind, "-o", format);
  const executions = JSON.parse(await run("list", "executions", "-o", "json")) as {
    items: { metadata: { id: string } }[];
  };
  for (const { metadata } of executions.items) {
    await run("execution", "logs", metadata.id, "-o", "json");
    await run("execution", "logs", metadata.id);
    await run("execution", "why", metadata.id);
  }
  await run("mcp", "logs", "leaky");
  await run("env", "get", "dev", "-o", "json");
  await run("usage", "-o", "json");

  const results = await toolResults(daemon);
  const phases = await phasesOf(daemon);
  await daemon.stop();
  await daemon.restart(); // what was in logs is in tables now
  await daemon.stop();

  expect(results.filter((result) => !result.includes("***"))).toEqual([]);
  expect(results.length).toBe(PATHS.length * FORMS.length);
  expect(phases).toEqual(Array(phases.length).fill(Phase.SUCCEEDED));
  expect(phases.length).toBeGreaterThanOrEqual(5);
  const everything = Buffer.concat([...bytesIn(daemon.home), Buffer.from(written.join("\n"))]);
  const traces = [SECRET, ONCE, PROVIDER_KEY].flatMap(tracesOf);
  expect(traces.filter((trace) => everything.includes(trace))).toEqual([]);
  expect(everything.includes("ünïcode?"), "half of it").toBe(false);
}, 300_000);

const PROVIDER_KEY = "provider-key-of-the-test";

async function prepare({ client }: TestDaemon, script: (turns: readonly unknown[]) => string): Promise<void> {
  const secrets = [
    { name: "TOKEN", value: SECRET },
    { name: "PROVIDER_KEY", value: PROVIDER_KEY },
  ];
  const headers = { "idempotency-key": "of-the-test" };
  const environment = { metadata: { name: "dev" }, spec: { secrets } };
  for (const _ of [1, 2]) await client.service(EnvironmentCommandController).create(environment, { headers });
  const variables = [{ name: "TOKEN" }, { name: "ONCE", optional: true }];
  const args = [join(import.meta.dirname, "leaky-server.mjs")];
  const transport = { case: "stdio" as const, value: { command: process.execPath, args } };
  const servers = client.service(McpServerCommandController);
  await servers.create({ metadata: { name: "leaky" }, spec: { transport, variables } });
  const leak = (path: string, form: string) => ({
    toolCalls: [{ name: "leaky__leak", arguments: { path, form, said: SECRET } }],
  });
  const turns = [
    ...PATHS.flatMap((path) => FORMS.map((form) => leak(path, form))),
    leak("crash", "raw"),
    { text: `done with ${SECRET} and ${ONCE}` },
  ];
  const shared = { instructions: "leak", environments: ["dev"], variables, maxTurns: 500 };
  const agents = client.service(AgentCommandController);
  const make = (name: string, spec: object) => agents.create({ metadata: { name }, spec: { ...shared, ...spec } });
  await make("leaker", { model: script(turns), mcpServers: [{ name: "leaky" }] });
  await make("talker", { model: "slow/model" });
  await make("worker", { model: script([{ text: `the worker says ${SECRET}` }]) });
  const delegate = { toolCalls: [{ name: "agent__worker", arguments: { message: `use ${SECRET}` } }] };
  await make("boss", { model: script([delegate, { text: "done" }]), subAgents: [{ agent: "worker" }] });
  const wait = { toolCalls: [{ name: "ask_user", arguments: { question: `is it ${SECRET}?` } }] };
  const act = { toolCalls: [{ name: "leaky__act", arguments: { said: SECRET } }] };
  await make("asker", { model: script([wait, act, { text: "done" }]), askUser: true, mcpServers: [{ name: "leaky" }] });
}

/** A person who answers a question, edits arguments and comments, and repeats the secret each time. */
async function aPersonSaysIt({ client }: TestDaemon): Promise<void> {
  const executions = client.service(AgentExecutionCommandController);
  const values = [{ name: "ONCE", secretValue: ONCE }];
  const headers = { "idempotency-key": "asker" };
  const { metadata } = await executions.create(
    { metadata: {}, spec: { agent: "asker", message: SECRET, values } },
    { headers },
  );
  const id = metadata?.id ?? "";
  await eventually(
    () => executions.provideInput({ id, text: `yes, ${SECRET}` }).catch(() => undefined),
    "the question to the user",
  );
  const open = await eventually(async () => {
    const { items } = await client.service(ApprovalQueryController).list({});
    return items.find(({ spec, status }) => spec?.executionId === id && !status?.decision);
  }, "the question about the call");
  await client.service(ApprovalCommandController).decide({
    ...{ id: open.metadata?.id ?? "", decision: ApprovalDecision.APPROVED },
    ...{ comment: `because ${SECRET}`, arguments: JSON.stringify({ path: "result", form: "raw", said: ONCE }) },
  });
  const isOver = async () => (await phasesOf({ client })).every((phase) => phase === Phase.SUCCEEDED) || undefined;
  await eventually(isOver, "the end");
}

async function phasesOf({ client }: Pick<TestDaemon, "client">): Promise<Phase[]> {
  const { items } = await client.service(AgentExecutionQueryController).list({});
  return items.map(({ status }) => status?.phase ?? Phase.UNSPECIFIED);
}

/** What the leaking calls of the first agent were recorded with, but for the one in which the server dies. */
async function toolResults({ client }: TestDaemon): Promise<string[]> {
  const { items } = await client.service(AgentExecutionQueryController).list({});
  const id = items.find(({ spec }) => spec?.agent === "leaker")?.metadata?.id ?? "";
  const results: string[] = [];
  for await (const { message } of client.service(ExecutionQueryController).subscribe({ executionId: id })) {
    const { event } =
      message.case === "entry" ? fromBinary(ExecutionEventSchema, message.value.event) : { event: undefined };
    if (event?.case === "toolCallFinished") results.push(event.value.result?.content ?? "");
  }
  return results.slice(0, PATHS.length * FORMS.length);
}

/** Every byte below a folder; of databases what they hold. */
function bytesIn(folder: string): Buffer[] {
  if (existsSync(join(folder, "CURRENT"))) return [bytesOfLevelDb(folder)];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return bytesIn(path);
    return entry.isFile() ? [readFileSync(path)] : [];
  });
}

/** A provider whose answers come one character at a time, and hold the secret in the text and in a call's arguments. */
async function oneCharacterAtATime(): Promise<string> {
  let calls = 0;
  const text = `It is ${SECRET}. In base64: ${Buffer.from(SECRET).toString("base64")}, as a URL ?t=${encodeURIComponent(SECRET)}!`;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const isLast = ++calls > 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      const say = (delta: object, reason: string | null = null): void => {
        const choices = [{ index: 0, delta, finish_reason: reason }];
        response.write(
          `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices })}\n\n`,
        );
      };
      for (const content of text) say({ role: "assistant", content });
      if (!isLast) {
        const call = { index: 0, id: "call_1", type: "function", function: { name: "none", arguments: "" } };
        say({ tool_calls: [call] });
        for (const piece of JSON.stringify({ token: SECRET }))
          say({ tool_calls: [{ index: 0, function: { arguments: piece } }] });
      }
      say({}, isLast ? "stop" : "tool_calls");
      response.end("data: [DONE]\n\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}
