import { Code, ConnectError } from "@connectrpc/connect";
import { type Fault, isFault, type Reason } from "@stigmer/base";
import { EXIT, type ExitCode, Failure } from "./failure.ts";

/** What the user may do about a reason; one table for answers of the backend and for executions that ended badly. */
export function nextStep(reason: string, facts: Readonly<Record<string, string>>): string {
  const next = NEXT_STEPS[reason as Reason];
  return typeof next === "function" ? next(facts) : (next ?? "");
}

/** How a command ends after an error, whatever it is. */
export function explain(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (isFault(error)) return explainFault(error);
  if (error instanceof ConnectError) return explainWire(error);
  const message = error instanceof Error ? error.message : String(error);
  return new Failure(EXIT.failed, message, "this is a fault of stigmer's own; please report it", { cause: error });
}

function explainFault(fault: Fault): Failure {
  const [first, ...others] = fault.violations.map(({ field, description }) =>
    field ? `${field}: ${description}` : description,
  );
  const isAway = fault.reason === "BACKEND_UNREACHABLE";
  const message = isAway ? `the backend can't be reached: ${fault.message}` : fault.message;
  return new Failure(exitOf(fault), first ?? message, nextStep(fault.reason, fault.facts), {
    others,
    cause: fault,
  });
}

function exitOf(fault: Fault): ExitCode {
  if (fault.reason === "BACKEND_UNREACHABLE") return EXIT.unreachable;
  if (fault.kind === "invalid") return EXIT.misused;
  return fault.kind === "denied" || fault.kind === "unauthenticated" ? EXIT.refused : EXIT.failed;
}

function explainWire(error: ConnectError): Failure {
  if (error.code === Code.Canceled) return new Failure(EXIT.interrupted, "", "", { cause: error });
  const next = "the backend may be overloaded; try again, or look at its log: stigmer local logs";
  return new Failure(EXIT.failed, `the backend did not answer in time: ${error.rawMessage}`, next, { cause: error });
}

type Next = string | ((facts: Readonly<Record<string, string>>) => string);

const SET_MODEL = "set one: stigmer config set model openai/gpt-5 (or ollama/qwen3), or pass --model";

function revive(kind: string, name: string): string {
  const word = `${kind.toLowerCase()} ${name}`;
  return `bring it back: stigmer undelete ${word}; or free its name: stigmer delete ${word} --purge`;
}

const NEXT_STEPS: Partial<Record<Reason, Next>> = {
  INVALID_REQUEST: "correct it and try again",
  RESOURCE_NOT_FOUND: ({ kind }) => (kind ? `see what is there: stigmer list ${kind.toLowerCase()}s` : ""),
  RESOURCE_EXISTS: ({ kind, name, deleted }) =>
    deleted && kind && name ? revive(kind, name) : "choose another name, or change it: stigmer apply -f <file>",
  VERSION_MOVED: "somebody changed it in the meantime; try again",
  REFERENCE_NOT_FOUND: "create what it refers to first; stigmer apply does so where both are given together",
  FIELD_IMMUTABLE: "delete it and create it anew",
  KIND_UNKNOWN: "stigmer list --help names the kinds",
  WATCH_TOKEN_EXPIRED: "watch again",
  WATCH_TOKEN_INVALID: "watch again",
  PAGE_TOKEN_INVALID: "list again from the beginning",
  IDEMPOTENCY_KEY_REUSED: "try again",
  FIELD_CONFLICT: "take the fields over with --force, or leave them out",
  RESOURCE_IN_USE: ({ resources }) =>
    resources
      ? "take it out of what names it (stigmer apply -f <file>), or delete that first"
      : "end the executions first, or say what becomes of them: --running cancel, or --running leave",
  RESOURCE_DELETED: ({ kind = "<kind>", name = "<name>" }) => revive(kind, name),
  VERSION_NOT_REACHED: "try again in a moment",
  READER_TOO_SLOW: "watch again, and read faster",
  MALFORMED_REQUEST: "this program and the backend may be of different versions: stigmer version",
  METHOD_UNKNOWN: "this backend may be older than this program: stigmer version",
  DEADLINE_EXCEEDED: "the backend may be overloaded; try again, or look at its log: stigmer local logs",
  ORIGIN_REFUSED: "name the backend by a loopback name, such as http://127.0.0.1:50051",
  FEATURE_NOT_CLAIMED: "this backend does not offer it; another one may: --url <url>",
  INTERNAL: ({ request_id }) =>
    request_id ? `the backend's log has the cause: stigmer local logs, request id ${request_id}` : "try again",
  MESSAGE_TOO_LARGE: "make it smaller",
  LIMIT_REACHED: "try again later, or raise the limit in the backend's configuration",
  SHUTTING_DOWN: "try again in a moment",
  EXECUTION_PHASE: "see where it is: stigmer execution get <id>",
  MODEL_NOT_SET: SET_MODEL,
  PROVIDER_NOT_CONFIGURED: ({ file, provider = "<name>" }) =>
    file
      ? `correct the file: ${file}`
      : `export the variable of its key, then: stigmer local restart; its name: stigmer config set providers.${provider}.apiKeyEnv <VARIABLE>`,
  MODEL_PRICE_UNKNOWN: "set its price in `prices` of config.yaml, or see which models have one: stigmer model list",
  PROVIDER_REFUSED: "check the model's name, the provider's key and your account there",
  PROVIDER_UNAVAILABLE: "try again in a moment; a local provider may have to be started",
  TOOL_NOT_FOUND: "see which tools the agent names: stigmer get agent <name> -o yaml",
  SIGN_IN_REQUIRED: "sign in: stigmer mcp login <name>",
  SIGN_IN_SCOPE_MISSING: "sign in for more, by the command that the message names",
  SIGN_IN_FAILED: "see how the server is reached: stigmer get mcpserver <name> -o yaml",
  TOOL_SERVER_FAILED: "see how the server is started: stigmer get mcpserver <name> -o yaml",
  RUNNER_NOT_CONNECTED: "see whether a runner is there: stigmer local status",
  APPROVAL_DECIDED: "see how: stigmer get approval <id> -o yaml",
  SESSION_BUSY: ({ execution = "<id>" }) => `wait for it: stigmer execution logs -f ${execution}`,
  UNAUTHENTICATED: "sign in to this backend",
  PERMISSION_DENIED: "ask an owner of the organization for the permission",
  STORE_CORRUPT: "go back to the newest backup: stigmer local stop, then stigmer local reset --from-backup",
  STORE_WRITE_FAILED: "free some space on the disk of the backend's data",
  BLOB_INCOMPLETE: "send its content first: stigmer skill push <folder>, or stigmer agent execute --attach <file>",
  BLOB_DIGEST_MISMATCH: "it changed while it was sent; try again",
  BACKEND_UNREACHABLE: "check the URL, or start the local daemon: stigmer local start",
};
