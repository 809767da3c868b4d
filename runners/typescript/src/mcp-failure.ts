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

/** What went wrong with a server, as people are told: what happened, then the end of what it wrote. */
export function mcpFailure(error: unknown, context: FailureContext): Failure {
  if (error instanceof Failure) return error;
  const { server, doing, account, masker } = context;
  const signIn = signInNeeded(error);
  if (signIn) {
    const message = `tool server ${JSON.stringify(server)} ${signIn}: stigmer mcp login ${server}`;
    return new Failure("SIGN_IN_REQUIRED", masker.mask(message), { cause: error, notStarted: true });
  }
  const text = [describe(error, context), account].filter(Boolean).join("; ");
  const message = masker.mask(`tool server ${JSON.stringify(server)} failed while ${doing}: ${text}`);
  return new Failure("TOOL_SERVER_FAILED", message, { cause: error, notStarted: neverArrived(error) });
}

function signInNeeded(error: unknown): string | undefined {
  if (error instanceof InsufficientScopeError) return `wants more than was granted${scopesOf(error)}`;
  return error instanceof SdkHttpError && error.status === 401 ? "wants to know who you are" : undefined;
}

function scopesOf({ requiredScope }: InsufficientScopeError): string {
  return requiredScope ? ` (${requiredScope.slice(0, 500)})` : "";
}

/** Whether the connection itself is of no use any more; one that wants another token is. */
export function isBrokenChannel(error: unknown): boolean {
  if (signInNeeded(error)) return false;
  return error instanceof SdkHttpError || error instanceof NotSent || systemCode(error) !== undefined;
}

function describe(error: unknown, { timeoutMs, account }: FailureContext): string {
  const code = error instanceof SdkError ? error.code : undefined;
  if (code === SdkErrorCode.RequestTimeout) return `it did not answer within ${timeoutMs / 1000} s`;
  if (code === SdkErrorCode.ConnectionClosed) return account ? "" : "the connection closed";
  if (code === SdkErrorCode.InvalidResult) return `its answer is not what MCP prescribes: ${firstLine(error)}`;
  const system = systemCode(error);
  if (system === "ENOENT") return `its program was not found${pathOf(error)}`;
  if (system === "EACCES") return "its program may not be executed";
  return system ? `${firstLine(error)} (${system})` : firstLine(error);
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

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split("\n")[0] ?? "").slice(0, 500);
}
