import { Code } from "@connectrpc/connect";
import { conflict, exhausted, internal, invalid, notFound, unavailable } from "@stigmer/base";
import { BadRequestSchema, ErrorInfoSchema, ResourceInfoSchema, RetryInfoSchema } from "@stigmer/contracts/rpc";
import { expect, it } from "vitest";
import { toWire } from "./error-table.ts";

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
