import { isObject, type Json, objects, pieces, words } from "../json.ts";
import { assistantsSince, type Turn } from "../script.ts";
import { type Answer, type Call, callsOf, type Refusal, type Vendor, type WireCall } from "../vendor.ts";

const chat: Call = {
  complaintOf,
  turnIndex: ({ messages }) => assistantsSince(objects(messages).map(({ role }) => role)),
  // It streams unless it is told not to.
  isStreamed: ({ stream }) => stream !== false,
  streamType: "application/x-ndjson",
  frames,
  errorFrame: (message) => line({ error: message }),
  whole,
};

/** Ollama: its own chat. */
export const OLLAMA: Vendor = {
  base: "",
  keyOf: ({ authorization }) => authorization?.replace(/^Bearer /, ""),
  calls: { "POST /api/chat": chat },
  other: ({ route, body }, models) => {
    if (route === "GET /api/tags") return { models: models.map(tag) };
    return route === "POST /api/show" && isObject(body) ? show(String(body.model)) : undefined;
  },
  refusal,
  unknownModel: (model) => ({ status: 404, message: `model '${model}' not found` }),
  overflow: { status: 400, message: "the input length exceeds the context length" },
  usedUp: { status: 402, message: "you have reached your usage limit, upgrade for higher limits" },
};

function refusal({ status, message }: Refusal): object {
  return { error: message ?? (status === 401 ? "unauthorized" : `error ${status}`) };
}

function tag(model: string): object {
  const details = {
    format: "gguf",
    family: "standin",
    families: ["standin"],
    parameter_size: "8B",
    quantization_level: "Q4",
  };
  return { name: model, model, modified_at: CREATED, size: 1, digest: "0".repeat(64), details };
}

function show(model: string): object {
  const model_info = { "general.architecture": "standin", "standin.context_length": 40_960, "standin.block_count": 1 };
  return { license: "", modelfile: `FROM ${model}`, details: {}, model_info, capabilities: ["completion", "tools"] };
}

const CREATED = "2026-01-01T00:00:00.000000Z";

function frames(turn: Turn, answer: Answer): string[] {
  const calls = callsOf(turn, "call", answer.turn);
  const thoughts = pieces(turn.thinking).map((thinking) => ({ content: "", thinking }));
  const texts = pieces(turn.text).map((content) => ({ content }));
  const wanted = answer.mix(calls.map((call, index) => [{ content: "", tool_calls: [toolCall(call, index)] }]));
  const chunks = [...thoughts, ...texts, ...wanted].map((message) => ({
    ...head(answer),
    message: { role: "assistant", ...message },
    done: false,
  }));
  const end = { ...head(answer), message: { role: "assistant", content: "" }, ...ending(turn, answer) };
  return [...chunks, end].map(line);
}

function whole(turn: Turn, answer: Answer): object {
  const calls = callsOf(turn, "call", answer.turn);
  const message = {
    role: "assistant",
    content: turn.text ?? "",
    ...(turn.thinking !== undefined && { thinking: turn.thinking }),
    ...(calls.length > 0 && { tool_calls: calls.map(toolCall) }),
  };
  return { ...head(answer), message, ...ending(turn, answer) };
}

function head({ body }: Answer): object {
  return { model: body.model, created_at: CREATED };
}

function toolCall({ id, name, arguments: text }: WireCall, index: number): object {
  return { id, function: { index, name, arguments: text === "" ? {} : JSON.parse(text) } };
}

function ending(turn: Turn, { body, turn: index }: Answer): object {
  const prompt = objects(body.messages).reduce((sum, { content }) => sum + words(content), 0);
  const calls = callsOf(turn, "call", index);
  return {
    done: true,
    done_reason: turn.finish ?? "stop",
    total_duration: 5_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: prompt,
    prompt_eval_duration: 2_000_000,
    eval_count: words(turn.text) + calls.reduce((sum, call) => sum + words(call.arguments), 0),
    eval_duration: 2_000_000,
  };
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

const ROLES = ["system", "user", "assistant", "tool"];

function complaintOf(body: Json): Refusal | undefined {
  const { model, messages, options, format, think, tools } = body;
  if (typeof model !== "string" || model === "") return bad("model is required");
  if (!Array.isArray(messages)) return bad("messages is required");
  const strange = objects(messages).find(({ role }) => !ROLES.includes(String(role)));
  if (strange) return bad("invalid role");
  if (objects(messages).some((message) => !isMessage(message))) return bad("json: cannot unmarshal into message");
  if (options !== undefined && !isObject(options)) return bad("json: cannot unmarshal into options");
  if (format !== undefined && format !== "json" && !isObject(format)) return bad("invalid format");
  if (think !== undefined && typeof think !== "boolean" && !["low", "medium", "high"].includes(String(think))) {
    return bad(`invalid think value: ${think}`);
  }
  const badTool = objects(tools).some(({ type, function: named }) => type !== "function" || !isObject(named));
  return badTool ? bad("json: cannot unmarshal into tool") : undefined;
}

// Go reads the arguments into a map: a text is refused there.
function isMessage({ content, images, tool_calls }: Json): boolean {
  const pictures =
    images === undefined || (Array.isArray(images) && images.every((image) => typeof image === "string"));
  const calls = objects(tool_calls).every(({ function: named }) => isObject(named) && isObject(named.arguments));
  return (content === undefined || typeof content === "string") && pictures && calls;
}

function bad(message: string): Refusal {
  return { status: 400, message };
}
