import { expect, it } from "vitest";
import { readSettings } from "./settings.ts";

it("reaches the local daemon unless told", () => {
  expect(readSettings({})).toEqual({
    endpoint: "http://127.0.0.1:50051",
    name: "local",
    instance: undefined,
    slots: 8,
  });
});

it("does as it is told", () => {
  const env = {
    STIGMER_ENDPOINT: "http://h:1",
    STIGMER_RUNNER_NAME: "two",
    STIGMER_RUNNER_INSTANCE: "i-12345678",
    STIGMER_RUNNER_SLOTS: "0",
  };

  expect(readSettings(env)).toEqual({ endpoint: "http://h:1", name: "two", instance: "i-12345678", slots: 0 });
});

it.each(["many", "-1", "1.5", "10001"])("refuses %s slots", (slots) => {
  expect(() => readSettings({ STIGMER_RUNNER_SLOTS: slots })).toThrow(/STIGMER_RUNNER_SLOTS/);
});
