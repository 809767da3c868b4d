import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MasterKey } from "@stigmer/resource/port";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KeychainEntry, keychain } from "./keychain.ts";

const CHILD = join(import.meta.dirname, "keychain-child.fake.ts");
const TOOLS = ["dbus-run-session", "gnome-keyring-daemon"];
const missing = TOOLS.filter((tool) => spawnSync("which", [tool]).status !== 0);
const isSkipped = process.env.CI === undefined && (process.platform !== "linux" || missing.length > 0);
const why = isSkipped ? ` (skipped: it needs Linux with ${TOOLS.join(" and ")})` : "";

type Answer = { readonly master?: MasterKey; readonly reason?: string; readonly message?: string };

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "stigmer-keychain-"));
  for (const folder of ["data", "run"]) mkdirSync(join(home, folder), { mode: 0o700 });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const UNLOCKED = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null";
const LOCKED = "gnome-keyring-daemon --start --components=secrets >/dev/null";

const keys = (): string => join(home, "keys");
const child = (...words: string[]): string =>
  [process.execPath, CHILD, keys(), ...words].map((word) => `'${word}'`).join(" ");

/** Runs a command of the child in a session bus of its own, on whose keychain `first` works. */
function inSession(first: string, ...words: string[]): Answer {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_DATA_HOME: join(home, "data"),
    XDG_RUNTIME_DIR: join(home, "run"),
  };
  const script = `${first}; ${child(...words)}`;
  const options = { env, timeout: 60_000, stdio: ["ignore", "pipe", "ignore"] as ["ignore", "pipe", "ignore"] };
  return JSON.parse(execFileSync("dbus-run-session", ["--", "sh", "-c", script], options).toString()) as Answer;
}

describe.skipIf(isSkipped)(`the machine's keychain${why}`, () => {
  it("keeps a new key over the end of the session, and no file has it", () => {
    const { master } = inSession(UNLOCKED, "make");

    expect(master?.place).toBe("keychain");
    expect(existsSync(keys())).toBe(false);
    expect(inSession(UNLOCKED, "check", JSON.stringify(master))).toEqual({ master });
  }, 60_000);

  it("that is locked refuses the key that it has, says so, and works again when it is unlocked", () => {
    const { master } = inSession(UNLOCKED, "make");
    const refusal = inSession(LOCKED, "check", JSON.stringify(master));

    expect(refusal.reason).toBe("SEALING_KEY_MISSING");
    expect(refusal.message).toContain("unlock it");
    expect(inSession(UNLOCKED, "check", JSON.stringify(master))).toEqual({ master });
  }, 60_000);

  it("that is locked when the first key is made is not passed by: no file is written in its place", () => {
    inSession(UNLOCKED, "make"); // so that there is a keychain
    const refusal = inSession(LOCKED, "make");

    expect(refusal.reason).toBe("SEALING_KEY_MISSING");
    expect(existsSync(keys())).toBe(false);
  }, 60_000);

  it("of another machine has no such key, and the one that was asked for is named", () => {
    const { master } = inSession(UNLOCKED, "make");
    rmSync(join(home, "data"), { recursive: true });
    mkdirSync(join(home, "data"));
    const refusal = inSession(UNLOCKED, "check", JSON.stringify(master));

    expect(refusal.reason).toBe("SEALING_KEY_MISSING");
    expect(refusal.message).toContain(master?.id);
  }, 60_000);

  it("forgets a key that is removed", () => {
    const { master } = inSession(UNLOCKED, "make");
    inSession(UNLOCKED, "remove", JSON.stringify(master));

    expect(inSession(UNLOCKED, "check", JSON.stringify(master)).reason).toBe("SEALING_KEY_MISSING");
  }, 60_000);

  it("that is not there leaves the key to a file", () => {
    const { master } = inSession(":", "make");

    expect(master?.place).toBe("file");
    expect(readdirSync(keys())).toEqual([`${master?.id}.key`]);
  }, 60_000);

  it("on a machine without a session bus is none", () => {
    const env = { PATH: process.env.PATH, HOME: home };
    const { master } = JSON.parse(execFileSync("sh", ["-c", child("make")], { env }).toString()) as Answer;

    expect(master?.place).toBe("file");
  }, 60_000);
});

describe("a keychain", () => {
  it("that does not answer is given up, and asked no more until it has", async () => {
    let asked = 0;
    const never: KeychainEntry = {
      setPassword: () => Promise.resolve(),
      getPassword: () => {
        asked++;
        return new Promise(() => {});
      },
      deleteCredential: () => Promise.resolve(false),
    };
    const store = keychain({ entry: async () => never, patienceMs: 20 });

    await expect(store.load("a")).rejects.toThrow("unlock it");
    await expect(store.load("b")).rejects.toThrow("unlock it");
    expect(asked).toBe(1);
  });

  it.each([
    ["keeps something else than it was given", "ff".repeat(32)],
    ["keeps nothing", null],
  ])("that %s is not trusted with a key", async (_, kept) => {
    const forgetful: KeychainEntry = {
      setPassword: () => Promise.resolve(),
      getPassword: () => Promise.resolve(kept),
      deleteCredential: () => Promise.resolve(false),
    };

    await expect(keychain({ entry: async () => forgetful }).save("a", new Uint8Array(32))).rejects.toThrow(
      "did not keep",
    );
  });
});
