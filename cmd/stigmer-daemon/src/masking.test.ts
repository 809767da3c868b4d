import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import {
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  AgentExecutionSchema,
  ApprovalQueryController,
  ApprovalSchema,
  EnvironmentCommandController,
  ExecutionEventSchema,
  ExecutionQueryController,
  McpServerCommandController,
  McpServerQueryController,
  ExecutionPhase as Phase,
  Role,
} from "@stigmer/contracts/agentic";
import { type AgentContext, create, Failure, type ToolAnswer, ToolCallSchema, textMessage } from "@stigmer/sdk";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { decide } from "./commands.fake.ts";
import { eventsOf, untilEnd, untilPhase, valuesOf } from "./journal.fake.ts";
import { createToolHost, startKitRunner } from "./kit-runner.fake.ts";
import { createAgent, idOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const SECRET = 'p@ss/w0rd "and" more+of=it';
const OWN = "own-key-of-the-daemon";
const KEPT = "key-that-an-environment-keeps";
const HARMLESS = JSON.stringify({ readOnlyHint: true, destructiveHint: false });
const FORMS: Readonly<Record<string, string>> = {
  raw: SECRET,
  json: JSON.stringify({ token: SECRET }),
  base64: Buffer.from(`user:${SECRET}`).toString("base64"),
  base64url: Buffer.from(`us:${SECRET}`).toString("base64url"),
  url: `https://a/?t=${encodeURIComponent(SECRET)}`,
};
/** What of each form no text may hold. */
const TRACES = [
  SECRET,
  ...[OWN, KEPT],
  JSON.stringify(SECRET).slice(1, -1),
  encodeURIComponent(SECRET),
  ...[0, 1, 2].map((before) =>
    Buffer.from(`${"x".repeat(before)}${SECRET}`)
      .toString("base64")
      .slice(4, 30),
  ),
];

let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startTestDaemon({ env: { OWN_KEY: OWN } });
});
afterEach(() => daemon[Symbol.asyncDispose]());

const commands = () => daemon.client.service(AgentExecutionCommandController);

/** An agent whose server has the secret as `TOKEN`. */
async function prepare(turns: readonly unknown[]): Promise<void> {
  const secrets = [
    { name: "TOKEN", value: SECRET },
    { name: "KEY", value: KEPT },
  ];
  await daemon.client.service(EnvironmentCommandController).create({ metadata: { name: "e" }, spec: { secrets } });
  const transport = { case: "stdio" as const, value: { command: "unused" } };
  const variables = [{ name: "TOKEN" }];
  await daemon.client
    .service(McpServerCommandController)
    .create({ metadata: { name: "files" }, spec: { transport, variables } });
  const spec = { environments: ["e"], variables, askUser: true };
  await createAgent(daemon.client, { model: daemon.script(turns), servers: ["files"], spec });
}

const start = async (message = "hello"): Promise<string> =>
  idOf(await commands().create({ metadata: {}, spec: { agent: "helper", message } }));

/** All that clients can read of an execution, and all that the daemon has written. */
async function everything(id: string): Promise<string> {
  const { client } = daemon;
  const execution = await client.service(AgentExecutionQueryController).get({ id });
  const { items } = await client.service(ApprovalQueryController).list({});
  const events = (await eventsOf(client, id)).map((event) => toJsonString(ExecutionEventSchema, event));
  const shown = [
    toJsonString(AgentExecutionSchema, execution),
    ...items.map((one) => toJsonString(ApprovalSchema, one)),
    ...events,
  ];
  await daemon.stop();
  const files = readdirSync(daemon.home, { recursive: true, encoding: "utf8" })
    .map((file) => join(daemon.home, file))
    .filter((file) => statSync(file).isFile() && !file.includes("/scripts/"));
  return [...shown, ...files.map((file) => readFileSync(file, "latin1")), JSON.stringify(daemon.log)].join("\n");
}

async function expectNowhere(id: string): Promise<void> {
  const all = await everything(id);
  expect(TRACES.filter((trace) => all.includes(trace))).toEqual([]);
}

const call = (name: string, args: object) => create(ToolCallSchema, { id: "c", name, arguments: JSON.stringify(args) });

/** A provider that refuses every key, and repeats it. */
async function refusingProvider(seen: (key: string | undefined) => void): Promise<string> {
  const server = createServer(({ headers }, response) => {
    seen(headers.authorization);
    response.writeHead(400, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: `wrong key: ${headers.authorization}` } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

type Host = Parameters<typeof createToolHost>[1];

function runner(loop: (context: AgentContext) => Promise<string>, answer?: Host) {
  const tools = createToolHost([{ annotations: HARMLESS }, { tool: "ask" }], answer);
  return { tools, running: startKitRunner(daemon, { agent: loop, tools }) };
}

describe("a secret that an execution knows", () => {
  it.each(Object.entries(FORMS))("is masked in what a tool answers, as %s", async (_, text) => {
    await prepare([]);
    const answers: string[] = [];
    const { running } = runner(
      async (context) => {
        await context.listTools();
        answers.push((await context.callTool("t", call("files__act", {}))).content);
        return "done";
      },
      () => ({ content: `before ${text} after`, isError: false }),
    );
    await using _runner = running;

    const id = await start();
    await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
    const { items } = await daemon.client.service(ApprovalQueryController).list({});
    await decide(daemon.client, idOf(items[0] ?? {}));
    await untilEnd(daemon.client, id);

    expect(answers[0]).toMatch(/^before .*\*\*\*.* after$/);
    await expectNowhere(id);
  });

  const LEAKS: Readonly<Record<string, (context: AgentContext) => Promise<string>>> = {
    "the final answer": async () => SECRET,
    "an error and its stack": async () => {
      throw new Failure("LIMIT_REACHED", `failed with ${SECRET}\n    at act (${SECRET}.ts:1:1)`, {
        cause: new Error(SECRET),
      });
    },
    "any other exception": async () => {
      throw new Error(`connect ECONNREFUSED with ${FORMS.base64}`);
    },
    "a step of the loop's own": async (context) => String(await context.run("own", async () => ({ token: SECRET }))),
    "a message to the model": async (context) => {
      const messages = [textMessage(Role.USER, `use ${SECRET}`)];
      return (await context.generate("m", { messages, tools: [] })).servedModel;
    },
    "arguments, which the tool gets as they are": async (context) => {
      await context.listTools();
      const { content } = await context.callTool("t", call("files__act", { token: context.variables.TOKEN }));
      return content;
    },
    "a question to the user": async (context) => {
      await context.listTools();
      return (await context.callTool("q", call("ask_user", { question: `is it ${SECRET}?` }))).content;
    },
  };

  it.each(Object.entries(LEAKS))("is masked in %s", async (what, leak) => {
    await prepare([{ text: "fine" }]);
    const { running, tools } = runner(
      leak,
      ({ arguments: args }): ToolAnswer => ({ content: `got ${args}`, isError: false }),
    );
    await using _ = running;

    const id = await start();
    if (what.startsWith("arguments")) {
      await untilPhase(daemon.client, id, Phase.WAITING_FOR_APPROVAL);
      const { items } = await daemon.client.service(ApprovalQueryController).list({});
      expect(items[0]?.spec?.arguments).toBe('{"token":"***"}');
      await decide(daemon.client, idOf(items[0] ?? {}), { comment: `because ${SECRET}` });
    }
    if (what.startsWith("a question")) {
      await untilPhase(daemon.client, id, Phase.WAITING_FOR_INPUT);
      await commands().provideInput({ id, text: `yes ${SECRET}` });
    }
    await untilEnd(daemon.client, id);

    if (what.startsWith("arguments"))
      expect(tools.calls.map((one) => one.arguments)).toEqual([JSON.stringify({ token: SECRET })]);
    await expectNowhere(id);
  });

  it("is masked in the user's message, and in what a model says", async () => {
    await prepare([{ text: `it is ${SECRET}, yes`, delayMs: 1 }]);
    const { running } = runner(async (context) => {
      const { message } = await context.generate("m", {
        messages: [textMessage(Role.USER, context.message)],
        tools: [],
      });
      return message.parts.map(({ part }) => part.value).join("");
    });
    await using _ = running;

    const id = await start(`remember ${SECRET}`);
    const { spec, status } = await untilEnd(daemon.client, id);

    expect(spec?.message).toBe("remember ***");
    expect(status?.output).toBe("it is ***, yes");
    await expectNowhere(id);
  });

  it("is masked in the text of a model as it streams, wherever it is cut", async () => {
    await prepare([{ text: `a ${SECRET} b ${SECRET}`, delayMs: 3 }]);
    const { running } = runner(async (context) => {
      await context.generate("m", { messages: [textMessage(Role.USER, "go")], tools: [] });
      return "done";
    });

    const id = await start();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { message } of daemon.client.service(ExecutionQueryController).subscribe({ executionId: id }))
        if (message.case === "delta") seen.push(message.value.text);
    })();
    await using _ = running;
    await untilEnd(daemon.client, id);
    await watching;

    expect(seen.join("")).toBe("a *** b ***");
  });

  it("is masked in what its server writes to its log", async () => {
    await prepare([]);
    const { running, tools } = runner(async (context) => {
      await context.listTools();
      tools.news().logged({ sessionId: "s", name: "files" }, `started with ${SECRET}`);
      return "done";
    });
    await using _ = running;

    const id = await start();
    await untilEnd(daemon.client, id);
    const { metadata } = await daemon.client.service(McpServerQueryController).getByReference({ name: "files" });
    const lines: string[] = [];
    for await (const { line } of daemon.client.service(McpServerQueryController).logs({ id: metadata?.id ?? "" }))
      lines.push(line);

    expect(lines).toEqual(["started with ***"]);
    await expectNowhere(id);
  });

  it("is masked after a restart of the daemon too, before it was used again", async () => {
    await prepare([]);
    const id = await start();
    await daemon.stop();
    await daemon.start();

    await commands().cancel({ id, comment: `no more ${SECRET}` });
    await untilEnd(daemon.client, id);

    const phases = valuesOf(await eventsOf(daemon.client, id), "phaseChanged");
    expect(phases.at(-1)?.comment).toBe("no more ***");
    await expectNowhere(id);
  });

  it("is masked where it is a provider's key, of an environment or of the daemon's own, which the provider gets", async () => {
    const keys: (string | undefined)[] = [];
    const url = await refusingProvider((key) => keys.push(key));
    const transports = `baseUrl: "${url}", api: chat`;
    daemon.configure(
      `providers: {kept: {${transports}, apiKeySecret: e/KEY}, own: {${transports}, apiKeyEnv: OWN_KEY}}`,
    );
    await prepare([]);
    const { running } = runner(async (context) => {
      const ask = { messages: [textMessage(Role.USER, "hi")], tools: [] };
      return (await context.generate("m", ask)).servedModel;
    });
    await using _ = running;
    const ends = ["kept/m", "own/m"].map(async (name) => {
      const made = await commands().create({ metadata: {}, spec: { agent: "helper", message: "hello", model: name } });
      return await untilEnd(daemon.client, idOf(made));
    });
    const [kept, own] = await Promise.all(ends);

    expect(keys.toSorted()).toEqual([`Bearer ${OWN}`, `Bearer ${KEPT}`].toSorted());
    expect([kept, own].map((one) => one?.status?.error?.message)).toEqual([
      expect.stringContaining("wrong key: Bearer"),
      expect.stringContaining("wrong key: Bearer"),
    ]);
    await expectNowhere(idOf(kept ?? {}));
  });

  it("leaves texts alone that hold none", async () => {
    await prepare([]);
    const { running } = runner(async () => "nothing to see: files, e, TOKEN, helper");
    await using _ = running;

    const { status } = await untilEnd(daemon.client, await start());

    expect(status?.output).toBe("nothing to see: files, e, TOKEN, helper");
  });
});
