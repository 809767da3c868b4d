import {
  type AgentContext,
  AgentSpecSchema,
  create,
  Failure,
  FinishReason,
  type Message,
  MessageSchema,
  type ModelAnswer,
  type ModelRequest,
  Role,
  type ToolCall,
  ToolDefinitionSchema,
  type ToolResult,
  ToolResultSchema,
  textMessage,
} from "@stigmer/sdk";

/** What a model says to a request: an answer, or why there is none. */
export type ModelSays = Partial<Omit<ModelAnswer, "message">> & { readonly message?: Message; readonly fails?: string };

/** One step as it was recorded. */
export type Recorded = {
  readonly key: string;
  /** The request, as text; the same key with another is a bug of the loop. */
  readonly digest: string;
  readonly outcome: ModelSays | ToolResult;
};

export type World = {
  readonly context: AgentContext;
  /** Steps in the order in which they were recorded, those that were known before included. */
  readonly journal: readonly Recorded[];
  readonly requests: readonly (ModelRequest & { readonly stepKey: string })[];
  /** Calls that were named as coming next, per call. */
  readonly planned: readonly string[][];
};

export type WorldOptions = {
  /** Fields of the context; the others are of an agent that has one tool and nothing else. */
  readonly context?: Partial<AgentContext>;
  readonly model: (stepKey: string, request: ModelRequest) => ModelSays;
  readonly tool?: (stepKey: string, call: ToolCall) => Partial<ToolResult>;
  /** Steps that an earlier attempt has recorded. */
  readonly known?: readonly Recorded[];
};

/** A backend that records each step once, as the real one does, without limits and people. */
export function worldOf({ context = {}, model, tool = echo, known = [] }: WorldOptions): World {
  const journal = [...known];
  const requests: (ModelRequest & { readonly stepKey: string })[] = [];
  const planned: string[][] = [];
  const step = <T extends Recorded["outcome"]>(key: string, request: unknown, make: () => T): T => {
    const digest = JSON.stringify(request, (_, value) => (typeof value === "bigint" ? String(value) : value));
    const found = journal.find((one) => one.key === key);
    if (found && found.digest !== digest) throw new Failure("STEP_DIVERGED", `${key}: ${digest} after ${found.digest}`);
    if (found) return found.outcome as T;
    const outcome = make();
    journal.push({ key, digest, outcome });
    return outcome;
  };
  const fields = {
    ...{ executionId: "aex_1", epoch: 1n, agent: create(AgentSpecSchema), history: [], message: "now" },
    ...{ attachments: [], skills: [], planFirst: false, maxToolRounds: 0, contextWindow: 0, historyTokens: 0 },
    ...{ signal: new AbortController().signal },
    listTools: async () => [create(ToolDefinitionSchema, { name: "fs_read", description: "d", inputSchema: "{}" })],
    async generate(stepKey: string, request: ModelRequest): Promise<ModelAnswer> {
      requests.push({ ...request, stepKey });
      const said = step(stepKey, request, () => model(stepKey, request));
      if (said.fails) throw new Failure(said.fails, "the model says so");
      return { ...ANSWER, ...said, message: said.message ?? textMessage(Role.ASSISTANT, "done") };
    },
    async callTool(stepKey: string, call: ToolCall, options: Parameters<AgentContext["callTool"]>[2]) {
      planned.push(options?.planned?.map((next) => `${next.stepKey} ${next.call.id}`) ?? []);
      return step(stepKey, call, () => resultOf(tool(stepKey, call)));
    },
  };
  return { context: { ...fields, ...context } as AgentContext, journal, requests, planned };
}

/** A message that asks for tools. */
export function wants(...ids: string[]): Message {
  return create(MessageSchema, {
    role: Role.ASSISTANT,
    parts: ids.map((id) => ({
      part: { case: "toolCall" as const, value: { id, name: "fs_read", arguments: `{"n":"${id}"}` } },
    })),
  });
}

/** A model that says these messages in turn, then "done". */
export function inTurn(...messages: readonly Message[]): () => ModelSays {
  let count = 0;
  return () => {
    const message = messages[count++];
    return message ? { message } : {};
  };
}

function resultOf({ content = "", isError = false, attachments = [] }: Partial<ToolResult>): ToolResult {
  return create(ToolResultSchema, { callId: "the backend's", content, isError, attachments });
}

const ANSWER = { finishReason: FinishReason.STOP, servedModel: "m", usage: undefined, contextWindow: 0 };

function echo(_: string, { arguments: content, id }: ToolCall): Partial<ToolResult> {
  return { content, isError: id === "bad" };
}
