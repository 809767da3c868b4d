import { randomUUID } from "node:crypto";
import { connectTo } from "@stigmer/client/node";
import {
  type AgentContext,
  type AgentLoop,
  create,
  Failure,
  type Message,
  Role,
  runRunner,
  type ToolAnswer,
  type ToolCallContext,
  type ToolHost,
  type ToolHostNews,
  type ToolInvocation,
  type ToolListing,
  type ToolSpec,
  ToolSpecSchema,
  textMessage,
  textOf,
  toolCallsOf,
  toolMessage,
} from "@stigmer/sdk";
import type { TestDaemon } from "./test-daemon.fake.ts";

export type KitRunnerOptions = {
  readonly name?: string;
  readonly agent?: AgentLoop;
  readonly tools?: ToolHost;
  readonly slots?: number;
};

/** A runner of the SDK in this process; without more it drives agents, and hosts no tools. */
export function startKitRunner(daemon: TestDaemon, options: KitRunnerOptions = {}): AsyncDisposable {
  const client = connectTo({ url: daemon.url });
  const stop = new AbortController();
  const { name = "kit", agent = chatLoop, ...rest } = options;
  const ended = runRunner({
    ...{ client, name, agent, instance: randomUUID(), signal: stop.signal, drainTimeoutMs: 0 },
    ...rest,
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
      client.close();
    },
  };
}

/** Asks the model and calls the tools that it wants, until it wants none. */
export const chatLoop: AgentLoop = async (context) => {
  const tools = (await context.listTools()).map(({ name, description, inputSchema }) =>
    create(ToolSpecSchema, { name, description, inputSchema }),
  );
  const messages = [...context.history, textMessage(Role.USER, context.message)];
  return await turns(context, messages, tools);
};

async function turns(context: AgentContext, messages: Message[], tools: ToolSpec[]): Promise<string> {
  for (let turn = 1; ; turn++) {
    const { message } = await context.generate(`turn/${turn}/model`, { messages, tools });
    const calls = toolCallsOf(message);
    if (calls.length === 0) return textOf(message);
    messages.push(message);
    for (const call of calls)
      messages.push(toolMessage([await context.callTool(`turn/${turn}/tool/${call.id}`, call)]));
  }
}

export interface TestToolHost extends ToolHost {
  /** Calls that have reached the tools, in order. */
  readonly calls: readonly ToolInvocation[];
  /** How often a server was started to be listed. */
  readonly starts: () => number;
  /** What it tells without being asked. */
  readonly news: () => ToolHostNews;
  listing: readonly ToolListing[];
}

export type TestTool = (
  call: ToolInvocation,
  signal: AbortSignal,
  context: ToolCallContext,
) => Promise<ToolAnswer> | ToolAnswer;

/** A host of tools that answer as the test says. */
export function createToolHost(
  listing: readonly Partial<ToolListing>[],
  answer: TestTool = () => ({ content: "done", isError: false }),
): TestToolHost {
  const calls: ToolInvocation[] = [];
  const told: { news?: ToolHostNews } = {};
  let starts = 0;
  const news = (): ToolHostNews => {
    if (!told.news) throw new Error("nobody listens to the host");
    return told.news;
  };
  const host: TestToolHost = {
    calls,
    news,
    starts: () => starts,
    listing: listing.map(toolListing),
    async start() {
      starts++;
      return host.listing;
    },
    async call(server, invocation, context) {
      if (!isSame(host.listing, invocation)) {
        news().toolsChanged(server, host.listing);
        throw new Failure("TOOL_CHANGED", "the tool is another by now", { notStarted: true });
      }
      calls.push(invocation);
      return await answer(invocation, context.signal, context);
    },
    tell(to) {
      told.news = to;
    },
    stop: async () => {},
    close: async () => {},
  };
  return host;
}

/** Whether a call was judged by the tool as it is. */
function isSame(listing: readonly ToolListing[], { tool, definition }: ToolInvocation): boolean {
  if (!definition) return true;
  const now = listing.find((one) => one.tool === tool);
  const words = ({ description, inputSchema, annotations }: ToolListing) =>
    JSON.stringify([description, inputSchema, annotations]);
  return now !== undefined && words(now) === words(definition);
}

export function toolListing(of: Partial<ToolListing>): ToolListing {
  return { tool: "act", description: "acts", inputSchema: '{"type":"object"}', annotations: "", ...of };
}
