import { randomUUID } from "node:crypto";
import { connectTo } from "@stigmer/client/node";
import {
  type AgentContext,
  type AgentLoop,
  create,
  type Message,
  Role,
  runRunner,
  type ToolAnswer,
  type ToolHost,
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
  listing: readonly ToolListing[];
}

/** A host of tools that answer as the test says. */
export function createToolHost(
  listing: readonly Partial<ToolListing>[],
  answer: (call: ToolInvocation, signal: AbortSignal) => Promise<ToolAnswer> | ToolAnswer = () => ({
    content: "done",
    isError: false,
  }),
): TestToolHost {
  const calls: ToolInvocation[] = [];
  const host: TestToolHost = {
    calls,
    listing: listing.map(toolListing),
    start: async () => host.listing,
    async call(_, invocation, signal) {
      calls.push(invocation);
      return await answer(invocation, signal);
    },
    stop: async () => {},
    close: async () => {},
  };
  return host;
}

export function toolListing(of: Partial<ToolListing>): ToolListing {
  return { tool: "act", description: "acts", inputSchema: '{"type":"object"}', annotations: "", ...of };
}
