import {
  IssuerMismatchError,
  OAuthError,
  OAuthErrorCode,
  RegistrationRejectedError,
} from "@modelcontextprotocol/client";
import { type Fault, isFault, precondition, unavailable } from "@stigmer/base";

/** A sign-in that can't be begun or ended, and why. */
export function failed(why: string): Fault {
  return precondition("SIGN_IN_FAILED", {}, { message: why });
}

/** What went wrong with a sign-in, without anything that a stranger wrote but an error's code. */
export function signInFault(error: unknown, signal: AbortSignal): unknown {
  if (isFault(error) || signal.aborted) return error;
  if (error instanceof IssuerMismatchError) return failed("the issuer is another than the one that was asked");
  if (error instanceof RegistrationRejectedError)
    return failed(`who signs people in refuses to register a client (HTTP ${error.status})`);
  if (error instanceof OAuthError) return failed(`who signs people in refuses: ${codeOf(error)}`);
  if (isLate(error)) return away("it did not answer in time");
  const system = systemCode(error);
  return system ? away(system) : failed("what the server or who signs people in says is not what OAuth prescribes");
}

/** The grant itself is of no use any more; anything else may pass. */
const OVER: ReadonlySet<string> = new Set([
  OAuthErrorCode.InvalidGrant,
  OAuthErrorCode.InvalidClient,
  OAuthErrorCode.UnauthorizedClient,
]);

export function renewalFault(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof OAuthError && OVER.has(error.code))
    return precondition("SIGN_IN_REQUIRED", {}, { message: `the sign-in is over: ${codeOf(error)}` });
  if (signal.aborted || isFault(error, "TOOL_SERVER_FAILED")) return error;
  const fault = signInFault(error, signal);
  return isFault(fault) ? unavailable("TOOL_SERVER_FAILED", {}, { message: fault.message }) : fault;
}

function away(why: string): Fault {
  return unavailable("TOOL_SERVER_FAILED", {}, { message: `who signs people in can't be reached: ${why}` });
}

function codeOf({ code }: OAuthError): string {
  return /^[a-z_]{1,64}$/.test(code) ? code : "an error without a known code";
}

function isLate(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "TimeoutError" || (error.name === "AbortError" && isLate(error.cause));
}

function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return /^E[A-Z_]{2,32}$|^[A-Z_]*CERT[A-Z_]*$/.test(code) ? code : systemCode(error.cause);
}
