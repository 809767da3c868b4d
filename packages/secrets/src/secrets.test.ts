import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFault } from "@stigmer/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKeys } from "./keys.ts";
import { openMasterKey } from "./master-key.ts";

const master = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const plain = new TextEncoder().encode("a secret");

describe("keys", () => {
  it("open what they sealed, and give a different text each time", () => {
    const keys = createKeys(master(1));

    const [first, second] = [0, 1].map(() => keys.seal("sensitive-value", plain, "agent/a"));

    expect(first && [...keys.open("sensitive-value", first, "agent/a")]).toEqual([...plain]);
    expect(first).not.toEqual(second);
    expect(Buffer.from(first ?? []).includes("a secret")).toBe(false);
  });

  it.each([
    ["another context", (sealed: Uint8Array) => createKeys(master(1)).open("sensitive-value", sealed, "agent/b")],
    ["another use", (sealed: Uint8Array) => createKeys(master(1)).open("page-token", sealed, "agent/a")],
    ["another master key", (sealed: Uint8Array) => createKeys(master(2)).open("sensitive-value", sealed, "agent/a")],
    [
      "a missing end",
      (sealed: Uint8Array) => createKeys(master(1)).open("sensitive-value", sealed.slice(0, 9), "agent/a"),
    ],
  ])("refuse %s", (_, open) => {
    const sealed = createKeys(master(1)).seal("sensitive-value", plain, "agent/a");

    expect(() => open(sealed)).toThrow(expect.objectContaining({ reason: "INTERNAL" }));
  });

  it("refuse a value in which any one bit is changed", () => {
    const keys = createKeys(master(1));
    const sealed = keys.seal("sensitive-value", plain, "agent/a");

    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => keys.open("sensitive-value", changed, "agent/a")).toThrow();
    }
  });

  it("give one text another MAC for each use and each master key", () => {
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

    const macs = [
      createKeys(master(1)).mac("page-token", "x"),
      createKeys(master(1)).mac("watch-token", "x"),
      createKeys(master(2)).mac("page-token", "x"),
    ];

    expect(new Set(macs.map(hex)).size).toBe(3);
    expect(hex(createKeys(master(1)).mac("page-token", "x"))).toBe(hex(macs[0] ?? new Uint8Array()));
  });
});

describe("the master key", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stigmer-key-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is made once, for its owner only, and leaves nothing beside it", () => {
    const file = join(folder, "master.key");

    const keys = [openMasterKey(file), openMasterKey(file)];

    expect(keys[0]).toEqual(keys[1]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["master.key"]);
  });

  it.each(["", "short\n", `${"g".repeat(64)}\n`])("is refused, and left alone, where the file holds %j", (text) => {
    const file = join(folder, "master.key");
    writeFileSync(file, text);

    expect(() => openMasterKey(file)).toThrow(expect.objectContaining({ reason: "STORE_UNWRITABLE" }));
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("that can't be made is a fault that names the file", () => {
    const file = join(folder, "none", "master.key");

    const refusal = (() => {
      try {
        return openMasterKey(file);
      } catch (error) {
        return error;
      }
    })();

    expect(isFault(refusal) && refusal.facts).toEqual({ file });
  });
});
