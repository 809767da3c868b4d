import { type Json, objects } from "../json.ts";
import { assistantsSince } from "../script.ts";
import type { Call, Refusal, Vendor } from "../vendor.ts";
import { chatCompletion, chatFrames } from "./chat-answer.ts";
import { chatComplaint } from "./check-chat.ts";
import { responsesComplaint } from "./check-responses.ts";
import { response, responsesErrorFrame, responsesFrames } from "./responses-answer.ts";

const EVENTS = "text/event-stream; charset=utf-8";

const chat: Call = {
  complaintOf: chatComplaint,
  turnIndex: ({ messages }) => assistantsSince(objects(messages).map(({ role }) => role)),
  isStreamed: ({ stream }) => stream === true,
  streamType: EVENTS,
  frames: chatFrames,
  errorFrame: (message) =>
    `data: ${JSON.stringify({ error: { message, type: "server_error", param: null, code: null } })}\n\n`,
  whole: chatCompletion,
};

const responses: Call = {
  complaintOf: responsesComplaint,
  turnIndex: ({ input }) => assistantsSince(turns(objects(input))),
  isStreamed: ({ stream }) => stream === true,
  streamType: EVENTS,
  frames: responsesFrames,
  errorFrame: responsesErrorFrame,
  whole: response,
};

// What the model said in one turn are several items.
function turns(items: readonly Json[]): unknown[] {
  const roles = items.map(({ role, type }) => role ?? (type === "function_call_output" ? "tool" : "assistant"));
  return roles.filter((role, index) => role !== "assistant" || roles[index - 1] !== "assistant");
}

/** OpenAI: chat completions and responses. */
export const OPENAI: Vendor = {
  base: "/v1",
  keyOf: ({ authorization }) => authorization?.replace(/^Bearer /, ""),
  calls: { "POST /v1/chat/completions": chat, "POST /v1/responses": responses },
  other: ({ route }, models) => (route === "GET /v1/models" ? modelList(models) : undefined),
  refusal,
  unknownModel: (model) => ({
    status: 404,
    message: `The model \`${model}\` does not exist or you do not have access to it.`,
    code: "model_not_found",
  }),
  overflow: {
    status: 400,
    message:
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens. Please reduce the length of the messages.",
    param: "messages",
    code: "context_length_exceeded",
  },
  usedUp: {
    status: 429,
    message: "You exceeded your current quota, please check your plan and billing details.",
    code: "insufficient_quota",
  },
};

const WORDS = new Map<number, { readonly message: string; readonly type: string; readonly code?: string }>([
  [
    401,
    {
      message:
        "Incorrect API key provided: sk-st***in. You can find your API key at https://platform.openai.com/account/api-keys.",
      type: "invalid_request_error",
      code: "invalid_api_key",
    },
  ],
  [403, { message: "Country, region, or territory not supported", type: "request_forbidden" }],
  [
    429,
    {
      message: "Rate limit reached for requests. Please try again in 1s.",
      type: "requests",
      code: "rate_limit_exceeded",
    },
  ],
  [
    500,
    {
      message: "The server had an error while processing your request. Sorry about that!",
      type: "server_error",
    },
  ],
  [503, { message: "The engine is currently overloaded, please try again later", type: "server_error" }],
]);

function refusal({ status, message, param = null, code }: Refusal): object {
  const usual = WORDS.get(status) ?? { message: `error ${status}`, type: typeOf(status) };
  const type = code === "insufficient_quota" ? code : message === undefined ? usual.type : typeOf(status);
  return { error: { message: message ?? usual.message, type, param, code: code ?? usual.code ?? null } };
}

function typeOf(status: number): string {
  return status < 500 ? "invalid_request_error" : "server_error";
}

function modelList(models: readonly string[]): object {
  const data = models.map((id) => ({ id, object: "model", created: 1_700_000_000, owned_by: "standin" }));
  return { object: "list", data };
}
