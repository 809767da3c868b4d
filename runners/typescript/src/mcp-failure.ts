import { InsufficientScopeError, SdkError, SdkErrorCode, SdkHttpError } from "@modelcontextprotocol/client";
import { Failure } from "@stigmer/sdk";
import type { Masker } from "./masker.ts";
import { NotSent } from "./stdio-transport.ts";

export type FailureContext = {
  /** Name of the server. */
  readonly server: string;
  /** What was tried: `it was started`. */
  readonly doing: string;
  readonly timeoutMs: number;
  /** What the channel knows. */
  readonly account: string;
  readonly masker: Masker;
};

const LONGEST_TEXT = 500;

/** What went wrong with a server, as people are told: what happened, then the end of what it wrote. */
export function mcpFailure(error: unknown, context: FailureContext): Failure {
  if (error instanceof Failure) return error;
  const { server, doing, account, masker } = context;
  if (error instanceof InsufficientScopeError) return scopeMissing(error, context);
  if (isUnknownCaller(error)) {
    const message = `tool server ${JSON.stringify(server)} wants to know who you are: stigmer mcp login ${server}`;
    return new Failure("SIGN_IN_REQUIRED", masker.mask(message), { cause: error, notStarted: true });
  }
  const text = [describe(error, context), account].filter(Boolean).join("; ");
  const message = masker.mask(`tool server ${JSON.stringify(server)} failed while ${doing}: ${text}`);
  return new Failure("TOOL_SERVER_FAILED", message, { cause: error, notStarted: neverArrived(error) });
}

/** Which scopes are to be asked for beside those that were granted is for the backend to say, which knows those. */
function scopeMissing(cause: InsufficientScopeError, { server, masker }: FailureContext): Failure {
  const said = masker.mask(cause.requiredScope ?? "").split(" ");
  const missingScopes = [...new Set(said.filter((scope) => SCOPE.test(scope)))].slice(0, MOST_SCOPES);
  const which = missingScopes.length > 0 ? ` (${shortened(missingScopes.join(" "), masker)})` : "";
  const message = `tool server ${JSON.stringify(server)} asks for more than the sign-in has${which}`;
  return new Failure("SIGN_IN_SCOPE_MISSING", masker.mask(message), { cause, missingScopes, notStarted: true });
}

/** What OAuth calls a scope. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
const MOST_SCOPES = 64;

function isUnknownCaller(error: unknown): boolean {
  return error instanceof SdkHttpError && error.status === 401;
}

/** Whether the connection itself is of no use any more; one that wants another token is. */
export function isBrokenChannel(error: unknown): boolean {
  if (error instanceof InsufficientScopeError || isUnknownCaller(error)) return false;
  return error instanceof SdkHttpError || error instanceof NotSent || systemCode(error) !== undefined;
}

function describe(error: unknown, { timeoutMs, account, masker }: FailureContext): string {
  const code = error instanceof SdkError ? error.code : undefined;
  if (code === SdkErrorCode.RequestTimeout) return `it did not answer within ${timeoutMs / 1000} s`;
  if (code === SdkErrorCode.ConnectionClosed) return account ? "" : "the connection closed";
  if (code === SdkErrorCode.InvalidResult) return `its answer is not what MCP prescribes: ${firstLine(error, masker)}`;
  const system = systemCode(error);
  if (system === "ENOENT") return `its program was not found${pathOf(error)}`;
  if (system === "EACCES") return "its program may not be executed";
  return system ? `${firstLine(error, masker)} (${system})` : firstLine(error, masker);
}

const REFUSED_STATUS = new Set([401, 403, 404]);
const UNREACHED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

function neverArrived(error: unknown): boolean {
  if (error instanceof SdkHttpError) return REFUSED_STATUS.has(error.status ?? 0);
  return error instanceof NotSent || UNREACHED.has(systemCode(error) ?? "");
}

// `fetch` hides what happened behind a cause, or several, and so does the probe for the protocol.
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof SdkError) return systemCode(error.cause);
  if ("code" in error && typeof error.code === "string") return error.code;
  return systemCode(error.cause);
}

function pathOf(error: unknown): string {
  return error instanceof Error && "path" in error ? `: ${String(error.path)}` : "";
}

function firstLine(error: unknown, masker: Masker): string {
  return shortened(error instanceof Error ? error.message : String(error), masker);
}

/** The beginning of a text's first line. Nothing is cut before it is masked: half of a secret would not be found. */
function shortened(text: string, masker: Masker): string {
  return (masker.mask(text).split("\n")[0] ?? "").slice(0, LONGEST_TEXT);
}
