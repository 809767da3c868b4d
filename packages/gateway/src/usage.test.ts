import { create } from "@bufbuild/protobuf";
import { idsFrom } from "@stigmer/base";
import { AgentExecutionQueryController, AgentExecutionSchema } from "@stigmer/contracts/agentic";
import { ModelQueryController, UsageRequestSchema } from "@stigmer/contracts/gateway";
import { type Call, defineKind, type Resource, toRow } from "@stigmer/resource";
import type { Keys } from "@stigmer/resource/port";
import type { Page, PageFilter, Row, Store } from "@stigmer/store";
import { expect, it } from "vitest";
import { usageReport } from "./usage.ts";

const kind = defineKind({ message: AgentExecutionSchema, services: [AgentExecutionQueryController] });
const FROM = Date.parse("2026-11-01T00:00:00Z");

it("reads as many executions as it may, and refuses to look at more", async () => {
  const { report } = scene(1_200, 1_200);
  const { report: narrow } = scene(1_201, 1_200);

  expect((await report({})).total?.executions).toBe(1_200n);
  await expect(narrow({})).rejects.toMatchObject({ kind: "exhausted", reason: "LIMIT_REACHED" });
});

it("reads no more pages than the time asked for has executions", async () => {
  const { report, pages } = scene(3_000, 10_000);
  const second = (seconds: number) => ({ seconds: BigInt(FROM / 1_000 + seconds), nanos: 0 });

  const { total } = await report({ from: second(1_000), to: second(1_600) });

  expect(total?.executions).toBe(600n);
  expect(pages()).toBeLessThan(4);
});

it("ends where the caller has gone", async () => {
  const { report } = scene(3_000, 10_000);

  await expect(report({}, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
});

/** A store with one execution a second. */
function scene(count: number, mostExecutions: number) {
  let pages = 0;
  const rows = Array.from({ length: count }, (_, at): Row => {
    const metadata = { id: `${idsFrom("aex", FROM + at * 1_000)}0000000000000000`, name: `e${at}` };
    const execution = create(AgentExecutionSchema, { metadata, spec: { agent: "a" } });
    return { ...toRow(kind, "local", execution as Resource), version: 1 };
  });
  const page = (filter: PageFilter, { after = "", limit }: { after?: string; limit: number }): Page => {
    pages += 1;
    const found = filter.kind === kind.options.kind ? rows.filter(({ id }) => id > after).slice(0, limit) : [];
    return { rows: found, next: found.length === limit ? found.at(-1)?.id : undefined, revision: 1 };
  };
  const store = { snapshot: () => ({ page, [Symbol.asyncDispose]: async () => {} }) } as unknown as Store;
  const keys = { mac: () => new Uint8Array(32) } as unknown as Keys;
  const clock = { now: () => FROM, monotonic: () => 0 };
  const report = usageReport({ store, keys, clock, executionKind: kind, mostExecutions });
  const call = { org: "local", method: ModelQueryController.method.usage } as unknown as Call;
  return {
    pages: () => pages,
    report: (request: object, signal = new AbortController().signal) =>
      report(create(UsageRequestSchema, request), { ...call, signal }),
  };
}
