import { SdkError, SdkErrorCode, SdkHttpError } from "@modelcontextprotocol/client";
import { Failure } from "@stigmer/sdk";
import { NotSent } from "./stdio-transport.ts";

export type FailureContext = {
  /** Name of the server. */
  readonly server: string;
  /** What was tried: `it was started`. */
  readonly doing: string;
  readonly timeoutMs: number;
  /** What the channel knows. */
  readonly account: string;
};

/** What went wrong with a server, as people are told: what happened, then the end of what it wrote. */
export function mcpFailure(error: unknown, context: FailureContext): Failure {
  if (error instanceof Failure) return error;
  const { server, doing, account } = context;
  const text = [describe(error, context), account].filter(Boolean).join("; ");
  const message = `tool server ${JSON.stringify(server)} failed while ${doing}: ${text}`;
  return new Failure("TOOL_SERVER_FAILED", message, { cause: error, notStarted: neverArrived(error) });
}

/** Whether the connection itself is of no use any more. */
export function isBrokenChannel(error: unknown): boolean {
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

// `fetch` hides what happened behind a cause, or several.
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof SdkError) return undefined;
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
