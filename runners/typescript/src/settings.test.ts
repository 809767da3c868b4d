import { expect, it } from "vitest";
import { readSettings } from "./settings.ts";

it("reaches the local daemon unless told", () => {
  expect(readSettings({})).toEqual({
    endpoint: "http://127.0.0.1:50051",
    name: "local",
    instance: undefined,
    slots: 8,
    labels: {},
  });
});

it("does as it is told", () => {
  const env = {
    STIGMER_ENDPOINT: "http://h:1",
    STIGMER_RUNNER_NAME: "two",
    STIGMER_RUNNER_INSTANCE: "i-12345678",
    STIGMER_RUNNER_SLOTS: "0",
    STIGMER_RUNNER_LABELS: "zone=a, gpu=,example.com/os=linux",
  };

  const labels = { zone: "a", gpu: "", "example.com/os": "linux" };
  expect(readSettings(env)).toEqual({ endpoint: "http://h:1", name: "two", instance: "i-12345678", slots: 0, labels });
});

it.each(["many", "-1", "1.5", "10001"])("refuses %s slots", (slots) => {
  expect(() => readSettings({ STIGMER_RUNNER_SLOTS: slots })).toThrow(/STIGMER_RUNNER_SLOTS/);
});

it.each(["zone", "=a", "-zone=a", "zone=a=b", "zone=a b", `zone=${"a".repeat(64)}`])(
  "refuses the label %s",
  (label) => {
    expect(() => readSettings({ STIGMER_RUNNER_LABELS: `ok=1,${label}` })).toThrow(/STIGMER_RUNNER_LABELS/);
  },
);

it("refuses more labels than a backend takes", () => {
  const labels = Array.from({ length: 65 }, (_, index) => `l${index}=1`).join();

  expect(() => readSettings({ STIGMER_RUNNER_LABELS: labels })).toThrow(/65 labels/);
});
