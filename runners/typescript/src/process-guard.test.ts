import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { createProcessGuard } from "./process-guard.ts";

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A process in a group of its own that hears no signal but the last. */
async function stubborn(): Promise<{ readonly group: number; readonly ended: Promise<unknown[]> }> {
  const child = spawn("/bin/sh", ["-c", "trap '' TERM HUP; echo up; while :; do sleep 1; done"], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const ended = once(child, "exit");
  await once(child.stdout, "data");
  return { group: child.pid ?? 0, ended };
}

it("ends what it still watches, and nothing else", async () => {
  const guard = createProcessGuard();
  const [watched, forgotten] = [await stubborn(), await stubborn()];
  for (const { group } of [watched, forgotten]) guard.watch(group, randomUUID());
  guard.forget(forgotten.group);

  guard.close();

  expect(await watched.ended).toEqual([null, "SIGKILL"]);
  expect(() => process.kill(forgotten.group, 0)).not.toThrow();
}, 10_000);

it("does nothing where there are no process groups", async () => {
  const guard = createProcessGuard("win32");
  const { group } = await stubborn();

  guard.watch(group, randomUUID());
  guard.close();

  expect(() => process.kill(group, 0)).not.toThrow();
});
