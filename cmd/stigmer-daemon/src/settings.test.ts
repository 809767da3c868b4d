import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFault } from "@stigmer/base";
import { afterEach, beforeEach, expect, it } from "vitest";
import { settingsFile } from "./settings.ts";

let dir: string;
const path = (): string => join(dir, "config.yaml");
const write = (text: string): void => writeFileSync(path(), text);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stigmer-settings-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it("says nothing where there is no file, or an empty one", () => {
  const settings = settingsFile(path());

  const absent = settings();
  write("# only a comment\n");

  expect([absent, settings()]).toEqual([{}, {}]);
});

it("says what the file says", () => {
  write(
    "model: ollama/qwen3\nport: 1234\nrunner: { slots: 3, leaseDuration: 5 }\nproviders:\n  mine: { baseUrl: http://x/v1, apiKeyEnv: KEY, api: responses, stream: false, contextWindow: 32768 }\n",
  );

  const settings = settingsFile(path())();

  expect(settings).toEqual({
    model: "ollama/qwen3",
    port: 1234,
    runner: { slots: 3, leaseDuration: 5 },
    providers: {
      mine: { baseUrl: "http://x/v1", apiKeyEnv: "KEY", api: "responses", stream: false, contextWindow: 32_768 },
    },
  });
});

it("follows the file as it changes, comes and goes", () => {
  const settings = settingsFile(path());
  const seen: unknown[] = [];

  write("model: a/one");
  seen.push(settings().model);
  write("model: a/other");
  seen.push(settings().model);
  rmSync(path());
  seen.push(settings().model);
  write("model: a/third");
  seen.push(settings().model);

  expect(seen).toEqual(["a/one", "a/other", undefined, "a/third"]);
});

it("is right again once the file is", () => {
  const settings = settingsFile(path());
  write("model: [");
  const problem = messageOf(settings);

  write("model: a/b");

  expect(problem).toContain(path());
  expect(settings().model).toBe("a/b");
});

it.each([
  ["an unknown key", "modell: a/b", /modell is not a setting/],
  ["an unknown key inside", "providers: { mine: { url: x } }", /providers\.mine\.url is not a setting/],
  ["an api that there is none of", "providers: { x: { api: grpc } }", /api must be one of chat, responses, messages/],
  ["a text for yes or no", "providers: { x: { stream: 'no' } }", /providers\.x\.stream must be a boolean/],
  ["a key that every object has", "toString: x", /toString is not a setting/],
  ["a text for a number", "port: many", /port must be a whole number from 0 to 65535/],
  ["a port that there is none of", "port: 65536", /port must be a whole number/],
  ["half a port", "port: 1.5", /port must be a whole number/],
  ["no number at all", "port: .nan", /port must be a whole number/],
  ["slots below none", "runner: { slots: -1 }", /runner\.slots must be a whole number from 0 to 10000/],
  [
    "a lease that is over at once",
    "runner: { leaseDuration: 2 }",
    /runner\.leaseDuration must be a whole number from 3/,
  ],
  ["slots without end", "runner: { slots: .inf }", /runner\.slots must be a whole number/],
  ["a limit of nothing", "limits: { maxTokens: 0 }", /limits\.maxTokens must be a whole number from 1/],
  ["a limit that there is none of", "limits: { maxCost: 1 }", /limits\.maxCost is not a setting/],
  ["a price below nothing", "prices: { p/m: { inputMicros: -1 } }", /prices\.p\/m\.inputMicros must be a whole number/],
  ["half a price", "prices: { p/m: { inputMicros: 1 } }", /prices\.p\/m\.outputMicros is missing/],
  [
    "the price of no model",
    "prices: { m: { inputMicros: 1, outputMicros: 1 } }",
    /prices\.m must be a provider\/model/,
  ],
  ["a number for a text", "model: 1", /model must be a string/],
  ["nothing for a text", "model:", /model must be a string/],
  ["a list for a map", "providers: []", /providers must be a map/],
  ["a text for a map", "just text", /the file must be a map/],
  ["a list", "- a", /the file must be a map/],
  ["no YAML", "a: b: c", /config\.yaml/],
  ["a key twice", "port: 1\nport: 2", /config\.yaml/],
  ["an alias that multiplies", bomb(), /alias/i],
  ["a megabyte", `model: "${"x".repeat(1024 * 1024)}"`, /is larger than/],
])("refuses %s", (_, text, words) => {
  write(text);

  expect(messageOf(settingsFile(path()))).toMatch(words);
});

/** What the settings are refused with. */
function messageOf(settings: () => unknown): string {
  try {
    settings();
  } catch (error) {
    if (isFault(error) && error.kind === "precondition") return error.message;
  }
  throw new Error("the settings were not refused");
}

function bomb(): string {
  const levels = Array.from(
    { length: 9 },
    (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(",")}]`,
  );
  return ["l0: &l0 x", ...levels].join("\n");
}
