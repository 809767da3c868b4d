import { Code, ConnectError } from "@connectrpc/connect";
import { faultOf } from "@stigmer/client";
import { expect, it } from "vitest";
import { refusal } from "./backend.fake.ts";
import { isRefusal, verdictOn } from "./verdict.ts";

const lost = (code: Code): unknown => faultOf(new ConnectError("stream closed", code));

it.each([
  ["a fenced lease", faultOf(refusal(Code.Aborted, "LEASE_FENCED")), "fenced"],
  ["a fenced lease that a stream wrapped", ConnectError.from(faultOf(refusal(Code.Aborted, "LEASE_FENCED"))), "fenced"],
  ["a backend that stops", faultOf(refusal(Code.Unavailable, "SHUTTING_DOWN")), "away"],
  ["a backend that is not there", lost(Code.Unavailable), "away"],
  ["a runner that is not there yet", faultOf(refusal(Code.Unavailable, "RUNNER_NOT_CONNECTED")), "away"],
  ["a full disk", faultOf(refusal(Code.ResourceExhausted, "STORE_WRITE_FAILED")), "away"],
  ["a provider that the backend gave up on", faultOf(refusal(Code.Unavailable, "PROVIDER_UNAVAILABLE")), "final"],
  ["a connection that was reset", lost(Code.Aborted), "broken"],
  ["a connection that broke oddly", lost(Code.Internal), "broken"],
  ["a stream that somebody else cancelled", lost(Code.Canceled), "broken"],
  ["a deadline", lost(Code.DeadlineExceeded), "broken"],
  ["a failed backend", faultOf(refusal(Code.Internal, "INTERNAL")), "final"],
  ["a diverged step", faultOf(refusal(Code.FailedPrecondition, "STEP_DIVERGED")), "final"],
  ["a request that is too large", lost(Code.ResourceExhausted), "final"],
  ["a mistake", new TypeError("oops"), "final"],
] as const)("judges %s", (_, error, verdict) => {
  expect(verdictOn(error)).toBe(verdict);
});

it.each([
  [Code.InvalidArgument, true],
  [Code.PermissionDenied, true],
  [Code.Unauthenticated, true],
  [Code.Unimplemented, true],
  [Code.Unavailable, false],
  [Code.Internal, false],
  [Code.Aborted, false],
])("knows from the code that a runner is refused", (code, refused) => {
  expect(isRefusal(lost(code))).toBe(refused);
});
