import { expect, it } from "vitest";
import { Fault, invalid, isFault, notFound } from "./faults.ts";

it("says its reason and its facts where it is given no words of its own", () => {
  const fault = notFound("RESOURCE_NOT_FOUND", { kind: "Agent", name: 'a"b', count: 2n });

  expect(fault.message).toBe('resource not found kind="Agent" name="a\\"b" count="2"');
  expect(fault.facts).toEqual({ kind: "Agent", name: 'a"b', count: "2" });
});

it("keeps its cause, and has none where it was given none", () => {
  const cause = new Error("why");

  expect(notFound("RESOURCE_NOT_FOUND", {}, { cause }).cause).toBe(cause);
  expect("cause" in notFound("RESOURCE_NOT_FOUND")).toBe(false);
});

it("names every field of a request that is wrong", () => {
  const fault = invalid([
    { field: "spec.model", description: "is odd" },
    { field: "", description: "makes no sense" },
  ]);

  expect(fault).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
  expect(fault.message).toBe("spec.model: is odd; makes no sense");
});

it("is told from other errors, and by its reason", () => {
  const fault = notFound("RESOURCE_NOT_FOUND");

  expect([isFault(fault), isFault(fault, "RESOURCE_NOT_FOUND")]).toEqual([true, true]);
  expect([isFault(fault, "RESOURCE_EXISTS"), isFault(new Error("x")), isFault(undefined)]).toEqual([
    false,
    false,
    false,
  ]);
  expect(fault).toBeInstanceOf(Fault);
});
