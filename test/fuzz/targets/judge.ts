import type { Answer } from "../harness/calls.ts";
import { Finding } from "../harness/finding.ts";

const UNKNOWN_OR_INTERNAL = ["2", "13"];

/** Throws a finding where an answer says, in any of the protocols, that the backend has failed. */
export function judge(path: string, { status, grpcStatus, body }: Answer): void {
  const text = body.toString("latin1");
  const inTrailers = /grpc-status: ?(2|13)\b/.test(text);
  const inJson = /"code":"(internal|unknown)"/.test(text);
  if (status !== 500 && !inTrailers && !inJson && !UNKNOWN_OR_INTERNAL.includes(grpcStatus ?? "")) return;
  throw new Finding(
    `${path} answers that the backend failed`,
    `HTTP ${status}, gRPC ${grpcStatus ?? "-"}: ${text.slice(0, 2_000)}`,
  );
}
