import { precondition } from "@stigmer/base";
import { expect, it } from "vitest";
import { createModelChoice } from "./model-choice.ts";

it("takes the first model that is named, and the default last", () => {
  const choice = createModelChoice({ defaultModel: () => "p/default", resolve: () => {} });

  expect(choice.choose(["", "p/own"])).toBe("p/own");
  expect(choice.choose(["p/first", "p/second"])).toBe("p/first");
  expect(choice.choose(["", ""])).toBe("p/default");
});

it("refuses where there is none, and what can't be resolved", () => {
  const unset = createModelChoice({ defaultModel: () => undefined, resolve: () => {} });
  const unknown = createModelChoice({
    defaultModel: () => undefined,
    resolve: () => {
      throw precondition("PROVIDER_NOT_CONFIGURED");
    },
  });

  expect(() => unset.choose(["", ""])).toThrow(expect.objectContaining({ reason: "MODEL_NOT_SET" }));
  expect(() => unknown.choose(["p/m"])).toThrow(expect.objectContaining({ reason: "PROVIDER_NOT_CONFIGURED" }));
});
