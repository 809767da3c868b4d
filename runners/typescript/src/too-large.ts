import type { JSONRPCErrorResponse, RequestId } from "@modelcontextprotocol/client";

/** Largest message of a server that is read; a larger one is let go as it comes. */
export const LONGEST_MESSAGE_BYTES = 8 * 1024 * 1024;

const INTERNAL_ERROR = -32603;

/** The answer that a request gets in place of one that is too large; the model reads its message. */
export function tooLarge(id: RequestId, bytes?: number): JSONRPCErrorResponse {
  const size = bytes === undefined ? "the answer" : `the answer of ${bytes} bytes`;
  const message = `${size} is larger than ${LONGEST_MESSAGE_BYTES / 1024 / 1024} MiB, the most that is read; ask for less`;
  return { jsonrpc: "2.0", id, error: { code: INTERNAL_ERROR, message } };
}
