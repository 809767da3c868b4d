import { describe, expect, it } from "vitest";
import type { Processes } from "../backend/processes.ts";
import { createWorld } from "../deps.fake.ts";
import { openerOf, openPage } from "./open-page.ts";

const URL_TO_OPEN = "https://auth.example/authorize?a=1&b=$(touch%20x)";
const SIGNAL = new AbortController().signal;

describe("a page that is opened", () => {
  it.each([
    ["linux", ["xdg-open", URL_TO_OPEN]],
    ["freebsd", ["xdg-open", URL_TO_OPEN]],
    ["darwin", ["open", URL_TO_OPEN]],
    ["win32", ["rundll32.exe", "url.dll,FileProtocolHandler", URL_TO_OPEN]],
  ] as const)("is one argument of the system's own opener on %s, read by no shell", (system, command) => {
    expect(openerOf(URL_TO_OPEN, system)).toEqual(command);
  });

  it("is given to the opener with nothing of this program's outputs", async () => {
    const asked: { readonly command: readonly string[]; readonly logFd: number }[] = [];
    const detach: Processes["detach"] = (options) => {
      asked.push(options);
      return { pid: 1, end: () => "exit code 0" };
    };
    const { deps } = await createWorld({ processes: { detach } });

    await openPage(deps, URL_TO_OPEN, { signal: SIGNAL, system: "linux" });

    expect(asked.map(({ command }) => command)).toEqual([["xdg-open", URL_TO_OPEN]]);
    expect(asked[0]?.logFd).toBeGreaterThan(2);
  });

  it("is not waited for longer than some seconds where the opener stays, which is no failure", async () => {
    const world = await createWorld({ processes: { detach: () => ({ pid: 1, end: () => undefined }) } });
    const since = world.deps.clock.monotonic();

    await openPage(world.deps, URL_TO_OPEN, { signal: SIGNAL });

    expect([world.stderr(), world.deps.clock.monotonic() - since]).toEqual(["", 3_000]);
  });

  it("is not waited for once the browser is back", async () => {
    const world = await createWorld({ processes: { detach: () => ({ pid: 1, end: () => undefined }) } });
    const since = world.deps.clock.monotonic();

    await openPage(world.deps, URL_TO_OPEN, { signal: AbortSignal.abort() });

    expect(world.deps.clock.monotonic() - since).toBe(0);
  });

  it.each(["file:///etc/passwd", "javascript:alert(1)", "-a Calculator", "vscode://x"])(
    "is none of the web at %s, and is not opened",
    async (url) => {
      const { deps, stderr } = await createWorld(); // where a process is started, the fake says so

      await openPage(deps, url, { signal: SIGNAL });

      expect(stderr()).toMatch(/^note: no browser was opened \((the page is none of the web|Invalid URL)\)/);
    },
  );
});
