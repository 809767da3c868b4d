import { expect, it } from "vitest";
import { absoluteRow, quantile, rowOf } from "./row.ts";

const compared = { row: "get", unit: "calls/s", ours: { name: "stigmer", values: [30, 10, 20, 40] } };

it("compares medians, and keeps the spread", () => {
  const row = rowOf({ ...compared, peer: { name: "echo", values: [5, 10, 20] }, goal: ">= 2.5" });

  expect(row.ours).toEqual({ name: "stigmer", median: 25, min: 10, max: 40 });
  expect(row).toMatchObject({ peer: { median: 10, min: 5, max: 20 }, ratio: 2.5, goal: ">= 2.5", met: true });
});

it("takes the ratio round by round, so that a slow moment of the machine does not count", () => {
  const ours = { name: "stigmer", values: [100, 10, 90] };
  const row = rowOf({ ...compared, ours, peer: { name: "echo", values: [50, 5, 10] }, goal: null });

  expect(row).toMatchObject({ ours: { median: 90 }, peer: { median: 10 }, ratio: 2 });
});

it("says of a goal that is missed that it is, in either direction", () => {
  const peer = { name: "echo", values: [10] };

  expect(rowOf({ ...compared, peer, goal: ">= 2.6" }).met).toBe(false);
  expect(rowOf({ ...compared, peer, goal: "<= 2.4" }).met).toBe(false);
  expect(rowOf({ ...compared, peer, goal: null }).met).toBeNull();
});

it("names a peer that is missing, and claims nothing about it", () => {
  const row = rowOf({ ...compared, peer: { name: "etcd", missing: "apt-get install etcd-server" }, goal: ">= 1" });

  expect(row).toMatchObject({ peer: { name: "etcd" }, ratio: null, met: null });
});

it("compares with a figure where there is no peer", () => {
  const memory = { row: "memory", unit: "MB", ours: { name: "daemon", values: [90] } };

  const row = absoluteRow({ ...memory, bound: { most: 120 } });

  expect(row).toMatchObject({ peer: { name: "absolute", median: 120 }, ratio: 0.75, met: true });
});

it("takes a figure for a bound that must be reached as well", () => {
  const starts = { row: "starts", unit: "starts/s", ours: { name: "daemon", values: [6_000] } };

  const row = absoluteRow({ ...starts, bound: { least: 8_000 } });

  expect(row).toMatchObject({ peer: { name: "absolute", median: 8_000 }, ratio: 0.75, met: false });
});

it("finds the value that a share of the values lies below", () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at);

  expect(quantile(values, 0.99)).toBe(100);
  expect(quantile(values, 0.5)).toBe(51);
});
