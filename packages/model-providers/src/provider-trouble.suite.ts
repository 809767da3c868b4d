import type { Fault } from "@stigmer/base";
import type { StandinOptions } from "@stigmer/standins";
import { describe, expect, it } from "vitest";
import { asked, hearing } from "./asked.fake.ts";
import type { CallOptions } from "./call-provider.ts";
import { beside, driver, faultOf, user, type Vendor } from "./vendors.fake.ts";

const SCRIPT = { turns: [{ text: "let me look around", toolCalls: [{ name: "read", arguments: { path: "a" } }] }] };

/** What every driver promises where something goes wrong, streamed or not. */
export function troubleSuite(vendor: Vendor, stream: boolean): void {
  function ask(options: StandinOptions, call: Partial<CallOptions> = {}): Promise<Fault> {
    const request = asked({ model: vendor.model, messages: [user("what is in it?")] });
    return beside(vendor, { script: SCRIPT, ...options }, ({ url }) =>
      faultOf(driver(vendor, url, { stream, ...call }).generate(request, hearing())),
    );
  }

  describe("a refusal", () => {
    it.each([400, 401, 403, 404, 413, 422])("with status %i is final", async (status) => {
      const fault = await ask({ refuse: { status } });

      expect(fault).toMatchObject({ kind: "precondition", reason: "PROVIDER_REFUSED" });
      expect(fault.facts).toEqual({ provider: "mine", status: String(status) });
    });

    it.each([408, 409, 429, 500, 502, 503, 504, 529])(
      "with status %i may be overcome by another try",
      async (status) => {
        const fault = await ask({ refuse: { status } });

        expect(fault).toMatchObject({ kind: "unavailable", reason: "PROVIDER_UNAVAILABLE", retryAfterMs: undefined });
        expect(fault.facts).toEqual({ provider: "mine", status: String(status) });
      },
    );

    it.each([
      ["seconds", { "retry-after": "7" }, 7_000],
      ["a date", { "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" }, 9_000],
      ["milliseconds", { "retry-after": "7", "retry-after-ms": "150" }, 150],
    ])("says when, in %s", async (_, headers, retryAfterMs) => {
      const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0 };

      expect(await ask({ refuse: { status: 429, headers } }, { clock })).toMatchObject({ retryAfterMs });
      expect(await ask({ refuse: { status: 529, headers } }, { clock })).toMatchObject({ retryAfterMs });
    });

    it("of a model that does not exist says so", async () => {
      const fault = await ask({ models: ["other"] });

      expect(fault).toMatchObject({ reason: "PROVIDER_REFUSED", facts: { status: "404" } });
      expect(fault.message).toMatch(/knows no such model/);
      expect(fault.message).toContain(vendor.model);
    });

    it("of a conversation that is too long says so", async () => {
      expect(await ask({ mode: "overflow" })).toMatchObject({ kind: "precondition", reason: "CONTEXT_OVERFLOW" });
    });

    it("for want of money is not waited for, but lets another provider answer", async () => {
      const fault = await ask({ mode: "used-up" });

      expect(fault).toMatchObject({ kind: "unavailable", reason: "PROVIDER_UNAVAILABLE" });
      expect(fault.retryAfterMs).toBeGreaterThan(3_600_000);
    });
  });

  const modes = ["rubbish", "wrong-content-type", "empty", "cut", "half-json"] as const;
  it.each(stream ? ([...modes, "stream-error"] as const) : modes)("survives a server that sends: %s", async (mode) => {
    expect(await ask({ mode })).toMatchObject({ kind: "unavailable", reason: "PROVIDER_UNAVAILABLE" });
  });

  it.each([
    ["mute", { firstByteTimeoutMs: 30 }],
    ["silence", { idleTimeoutMs: 30 }],
  ] as const)("waits no longer than told for a server that is silent: %s", async (mode, timeouts) => {
    const fault = await ask({ mode }, timeouts);

    expect(fault).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
    expect(fault.message).toMatch(/sent nothing for 30 ms/);
  });

  it("passes the caller's reason to abort through, before the call and while it waits", async () => {
    const reason = new Error("enough");
    const waiting = new AbortController();
    const handler = () => {
      waiting.abort(reason);
      return { text: "never sent" };
    };
    const request = asked({ model: vendor.model, messages: [user("go")] });

    await beside(vendor, { handler, mode: "mute" }, async ({ url, requests }) => {
      const { generate } = driver(vendor, url, { stream });
      await expect(generate(request, hearing({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
      expect(requests).toHaveLength(0);
      await expect(generate(request, hearing({ signal: waiting.signal }))).rejects.toBe(reason);
    });
  });

  it("tells what goes wrong while it lists models, as everything else", async () => {
    const { signal } = new AbortController();
    const fault = await beside(vendor, {}, ({ url }) =>
      faultOf(driver(vendor, url, { apiKey: "sk-wrong" }).list({ signal })),
    );

    expect(fault).toMatchObject({ reason: "PROVIDER_REFUSED", facts: { status: "401" } });
  });
}
