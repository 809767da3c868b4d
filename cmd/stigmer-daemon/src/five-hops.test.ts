import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

/** house.md, section 4: the way of one request, from the socket to the disk. */
const HOPS = [
  "packages/server/src/listen.ts",
  "packages/server/src/interceptors/errors.ts",
  "packages/server/src/bind.ts",
  "packages/resource/src/pipeline.ts",
  "packages/store-leveldb/src/write.ts",
];
/** Packages that a request may pass; anything else would be a hop more. */
const WAY = new Set(["base", "contracts", "kinds", "resource", "server", "store", "store-leveldb"]);

it("takes a request from the socket to the disk in the five hops of the house, and through nothing else", async () => {
  const script = join(import.meta.dirname, "trace-request.fake.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const { status, ran } = JSON.parse(stdout) as { status: number; ran: string[] };
  const packages = ran.filter((path) => path.startsWith("packages/")).map((path) => path.split("/")[1] ?? "");

  expect(status).toBe(200);
  expect(ran).toEqual(expect.arrayContaining(HOPS));
  expect([...new Set(packages)].filter((name) => !WAY.has(name))).toEqual([]);
});
