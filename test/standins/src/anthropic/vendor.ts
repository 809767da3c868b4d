import { objects } from "../json.ts";
import { assistantsSince } from "../script.ts";
import type { Call, Refusal, Vendor } from "../vendor.ts";
import { messagesComplaint } from "./check-messages.ts";
import { messagesErrorFrame, messagesFrames, wholeMessage } from "./messages-answer.ts";

const messages: Call = {
  complaintOf: messagesComplaint,
  // A message that holds a tool's results is not a word of the user.
  turnIndex: (body) =>
    assistantsSince(
      objects(body.messages).map(({ role, content }) => {
        return role === "user" && objects(content)[0]?.type === "tool_result" ? "tool" : role;
      }),
    ),
  isStreamed: ({ stream }) => stream === true,
  streamType: "text/event-stream; charset=utf-8",
  frames: messagesFrames,
  errorFrame: messagesErrorFrame,
  whole: wholeMessage,
};

/** Anthropic: messages. */
export const ANTHROPIC: Vendor = {
  base: "",
  keyOf: (headers) => headers["x-api-key"],
  calls: { "POST /v1/messages": messages },
  other: ({ route, query }, models) => (route === "GET /v1/models" ? modelList(models, query) : undefined),
  refusal,
  unknownModel: (model) => ({ status: 404, message: `model: ${model}` }),
  overflow: { status: 400, message: "prompt is too long: 215000 tokens > 200000 maximum" },
  usedUp: {
    status: 400,
    message:
      "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
  },
};

const WORDS = new Map([
  [400, { type: "invalid_request_error", message: "invalid request" }],
  [401, { type: "authentication_error", message: "invalid x-api-key" }],
  [402, { type: "billing_error", message: "There is an issue with your billing or payment information." }],
  [403, { type: "permission_error", message: "Your API key does not have permission to use the specified resource." }],
  [404, { type: "not_found_error", message: "Not found" }],
  [409, { type: "conflict_error", message: "The request conflicts with another one." }],
  [413, { type: "request_too_large", message: "Request exceeds the maximum size" }],
  [429, { type: "rate_limit_error", message: "This request would exceed your organization's rate limit" }],
  [500, { type: "api_error", message: "Internal server error" }],
  [504, { type: "timeout_error", message: "Request timed out" }],
  [529, { type: "overloaded_error", message: "Overloaded" }],
]);

function refusal({ status, message }: Refusal): object {
  const usual = WORDS.get(status) ?? { type: status < 500 ? "invalid_request_error" : "api_error", message: "error" };
  const error = { type: usual.type, message: message ?? usual.message };
  return { type: "error", error, request_id: "req_standin" };
}

// As long as a page is, so that there is more than one.
const PAGE = 2;

function modelList(models: readonly string[], query: string): object {
  const after = new URLSearchParams(query).get("after_id");
  const rest = models.slice(after === null ? 0 : models.indexOf(after) + 1);
  const page = rest.slice(0, PAGE);
  const created_at = "2025-09-29T00:00:00Z";
  const data = page.map((id) => ({ type: "model", id, display_name: id, created_at, max_input_tokens: 200_000 }));
  return { data, has_more: rest.length > PAGE, first_id: page[0] ?? null, last_id: page.at(-1) ?? null };
}
