import { Code, ConnectError } from "@connectrpc/connect";
import { conflict, exhausted, internal, invalid, notFound, unavailable } from "@stigmer/base";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "@stigmer/contracts/rpc";
import { expect, it } from "vitest";
import { toWire } from "./error-table.ts";
import { grpcStatus } from "./grpc-status.ts";

it("turns a fault into its code, with one reason and its facts", () => {
  const wire = toWire(conflict("VERSION_MOVED", { current: 2, sent: 1 }), "r1");

  expect(wire.code).toBe(Code.Aborted);
  expect(wire.findDetails(ErrorInfoSchema)).toMatchObject([
    { reason: "VERSION_MOVED", domain: "stigmer.ai", metadata: { current: "2", sent: "1" } },
  ]);
});

it("adds the fields that are wrong, the resource that is meant and when to try again", () => {
  const request = toWire(invalid([{ field: "spec.model", description: "is odd" }]), "r1");
  const resource = toWire(notFound("RESOURCE_NOT_FOUND", { kind: "Agent", name: "a" }), "r1");
  const retry = toWire(exhausted("LIMIT_REACHED", {}, { retryAfterMs: 1_500 }), "r1");

  expect(request.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
    { field: "spec.model", description: "is odd" },
  ]);
  expect(resource.findDetails(ResourceInfoSchema)).toMatchObject([{ resourceType: "Agent", resourceName: "a" }]);
  expect(retry.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
});

it("can be told when to try again to a fraction of a millisecond", () => {
  const wire = toWire(unavailable("SHUTTING_DOWN", {}, { retryAfterMs: 0.3 }), "r1");

  expect(wire.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 0n, nanos: 300_000 });
});

it.each([
  ["anything that was not thrown on purpose", new TypeError("secret is not a function")],
  ["a text", "secret"],
  ["nothing", undefined],
  ["a fault that is internal", internal("INTERNAL", { path: "/secret" }, { message: "secret" })],
])("says nothing of %s but the request's id", (_, error) => {
  const wire = toWire(error, "request-1");

  expect(wire.code).toBe(Code.Internal);
  expect(wire.findDetails(ErrorInfoSchema)).toMatchObject([
    { reason: "INTERNAL", metadata: { request_id: "request-1" } },
  ]);
  expect(wire.message).not.toContain("secret");
});

it("keeps the reason of a fault that is internal", () => {
  const wire = toWire(internal("STORE_CORRUPT", { dir: "/data" }), "r1");

  expect(wire.findDetails(ErrorInfoSchema)[0]?.reason).toBe("STORE_CORRUPT");
});

it("passes on what is an answer already", () => {
  const wire = toWire(conflict("VERSION_MOVED"), "r1");

  expect(toWire(wire, "r2")).toBe(wire);
});

it("adds what must be otherwise first, and which limit is reached", () => {
  const unmet = { type: "FIELD_OWNED", subject: "spec.model", description: "is owned by ci" };
  const wire = toWire(conflict("FIELD_CONFLICT", { path: "spec.model" }, { preconditions: [unmet] }), "r1");
  const quota = toWire(exhausted("LIMIT_REACHED", { limit: "streams" }), "r1");

  expect(wire.findDetails(PreconditionFailureSchema)[0]?.violations).toMatchObject([unmet]);
  expect(quota.findDetails(QuotaFailureSchema)[0]?.violations).toMatchObject([{ subject: "streams" }]);
});

it.each([
  [Code.Canceled, Code.Canceled, "CANCELLED"],
  [Code.DeadlineExceeded, Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
  [Code.ResourceExhausted, Code.ResourceExhausted, "MESSAGE_TOO_LARGE"],
  [Code.Internal, Code.InvalidArgument, "MALFORMED_REQUEST"],
])("gives what a protocol's library raised with code %j a reason", (raised, code, reason) => {
  const wire = toWire(new ConnectError("parse binary: premature EOF", raised), "r1");

  expect(wire.code).toBe(code);
  expect(wire.findDetails(ErrorInfoSchema)).toMatchObject([{ reason, domain: "stigmer.ai" }]);
});

it("fits into the headers that a client takes, whatever is wrong and however much", () => {
  const long = "\u00e4".repeat(5_000);
  const violations = Array.from({ length: 1_000 }, (_, at) => ({
    field: `spec.list[${at}]`,
    description: long.slice(0, 50),
  }));

  const many = Object.values(grpcStatus(toWire(invalid(violations), "r1"))).join("");
  const one = Object.values(grpcStatus(toWire(invalid([{ field: long, description: long }]), "r1"))).join("");

  expect([many.length, one.length].filter((length) => length > 16_000)).toEqual([]);
});
