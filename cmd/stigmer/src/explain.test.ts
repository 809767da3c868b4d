import { expect, it } from "vitest";
import { nextStep } from "./explain.ts";

it("says what to do about what needs a resource: executions end by themselves or are told to, resources are changed", () => {
  expect(nextStep("RESOURCE_IN_USE", { executions: "aex_1" })).toContain("--running cancel");
  expect(nextStep("RESOURCE_IN_USE", { resources: "Agent/a" })).toContain("stigmer apply");
});
