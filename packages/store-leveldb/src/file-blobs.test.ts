import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isFault, silentLog, systemClock } from "@stigmer/base";
import type { Blobs } from "@stigmer/store";
import { readWhole } from "@stigmer/store";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FileBlobsOptions, openFileBlobs } from "./file-blobs.ts";
import { watchSyncs } from "./synced-paths.fake.ts";

const HOUR_MS = 60 * 60 * 1000;
const text = new TextEncoder().encode("a blob that is sent in pieces");

let dir: string;
let blobs: Blobs;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "stigmer-blobs-"));
  blobs = await open();
});
afterEach(async () => {
  await blobs.close();
  rmSync(dir, { recursive: true });
});

it("keeps what was sent in pieces, under its digest, across an opening", async () => {
  expect(await send(text, 0, 10)).toEqual({ offset: 10, complete: false });
  expect(await send(text, 10)).toEqual({ offset: text.length, complete: true });

  await blobs.close();
  blobs = await open();
  expect(await readWhole(blobs, keyOf(text), 100)).toEqual(text);
  expect(await blobs.stat(keyOf(text))).toEqual({ offset: text.length, complete: true });
});

it("keeps the blob of nothing", async () => {
  const nothing = new Uint8Array();

  expect(await send(nothing, 0)).toEqual({ offset: 0, complete: true });
  expect(await readWhole(blobs, keyOf(nothing), 0)).toEqual(nothing);
});

it("gives the same blob whatever the pieces, their order, their repetitions and the openings between them", async () => {
  const piece = fc.tuple(fc.nat(), fc.nat(), fc.boolean());
  const content = fc.uint8Array({ minLength: 1, maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(content, fc.array(piece, { maxLength: 12 }), async (bytes, pieces) => {
      const key = keyOf(bytes);
      let progress = await blobs.stat(key);
      for (const [from, length, again] of pieces) {
        if (again) await reopen();
        const offset = from % (bytes.length + 1);
        const before = progress;
        progress = await send(bytes, offset, offset + (length % (bytes.length - offset + 1)));
        expect(progress.offset).toBeGreaterThanOrEqual(before.offset);
      }
      while (!progress.complete) progress = await send(bytes, progress.offset, progress.offset + 37);

      expect(await readWhole(blobs, key, bytes.length)).toEqual(bytes);
    }),
    { numRuns: 60 },
  );
});

it("answers a piece beyond what is there with where to go on, and stores nothing of it", async () => {
  expect(await send(text, 5)).toEqual({ offset: 0, complete: false });
  await send(text, 0, 4);

  expect(await send(text, 5)).toEqual({ offset: 4, complete: false });
});

it("takes the pieces of one blob from many senders at once", async () => {
  const cuts = [0, 3, 9, 14, 20];

  await Promise.all(cuts.flatMap((from) => [send(text, from, from + 10), send(text, from, from + 9)]));
  for (let progress = await blobs.stat(keyOf(text)); !progress.complete; ) progress = await send(text, progress.offset);

  expect(await readWhole(blobs, keyOf(text), 100)).toEqual(text);
});

it("drops an upload whose bytes are not those of its digest, so that it can be sent anew", async () => {
  const other = Uint8Array.from(text, (byte) => byte ^ 1);
  await send(text, 0, 10);

  const wrong = blobs.append({ ...keyOf(text), size: text.length, offset: 10, data: other.subarray(10) });

  await expect(wrong).rejects.toSatisfy((error) => isFault(error, "BLOB_DIGEST_MISMATCH"));
  expect(await blobs.stat(keyOf(text))).toEqual({ offset: 0, complete: false });
  expect(await send(text, 0)).toMatchObject({ complete: true });
});

it("is not confused by a sender who says another size", async () => {
  await blobs.append({ ...keyOf(text), size: text.length + 5, offset: 0, data: text });

  expect(await send(text, 0)).toMatchObject({ complete: true });
  const late = blobs.append({ ...keyOf(text), size: text.length + 5, offset: 0, data: text });
  await expect(late).rejects.toSatisfy((error) => isFault(error, "BLOB_DIGEST_MISMATCH"));
});

it("refuses a blob beyond the limit, and a piece that ends beyond its blob", async () => {
  const large = blobs.append({ ...keyOf(text), size: 2 ** 28 + 1, offset: 0, data: text });
  const long = blobs.append({ ...keyOf(text), size: 3, offset: 0, data: text });

  await expect(large).rejects.toMatchObject({ kind: "invalid", violations: [{ field: "size" }] });
  await expect(long).rejects.toMatchObject({ kind: "invalid", violations: [{ field: "data" }] });
});

it("refuses one upload too many until another is complete", async () => {
  await reopen({ limits: { maxUnfinished: 2 } });
  const [one, two, three] = ["one", "two", "three"].map((word) => new TextEncoder().encode(word.repeat(9)));
  if (!one || !two || !three) throw new Error("three are made");
  await Promise.all([send(one, 0, 1), send(two, 0, 1)]);

  await expect(send(three, 0, 1)).rejects.toSatisfy((error) => isFault(error, "LIMIT_REACHED"));
  await send(one, 0);
  expect(await send(three, 0, 1)).toMatchObject({ offset: 1 });
});

it("drops an upload that has got no piece for a day, and no other", async () => {
  const other = Uint8Array.from(text, (byte) => byte ^ 1);
  await send(text, 0, 10);
  await send(other, 0, 10);
  const [path] = filesOf(dir).filter((file) => file.includes(keyOf(text).digest.slice(7)));
  if (!path) throw new Error("there is no upload");
  const before = (Date.now() - 25 * HOUR_MS) / 1000;
  utimesSync(path, before, before);

  await reopen();

  expect(await blobs.stat(keyOf(text))).toMatchObject({ offset: 0 });
  expect(await blobs.stat(keyOf(other))).toMatchObject({ offset: 10 });
});

it("refuses while the disk is full, keeps what it has, and goes on when there is room", async () => {
  await send(text, 0, 10);
  let free = 0;
  await reopen({ freeBytes: async () => free });

  await expect(send(text, 10)).rejects.toMatchObject({ kind: "exhausted", reason: "STORE_WRITE_FAILED" });
  expect(await blobs.stat(keyOf(text))).toMatchObject({ offset: 10 });
  free = 2 ** 30;
  expect(await send(text, 10)).toMatchObject({ complete: true });
});

it("goes on after a crash of the machine that lost the end of an upload", async () => {
  await send(text, 0, 20);
  const [path] = filesOf(dir);
  truncateSync(path ?? "", 7);

  expect(await send(text, 20)).toEqual({ offset: 7, complete: false });
  expect(await send(text, 7)).toMatchObject({ complete: true });
});

it("keeps tenants apart, whatever they are called", async () => {
  await send(text, 0);

  for (const tenant of ["other", "../local", "", "local/"]) {
    const key = { ...keyOf(text), tenant };
    await expect(readWhole(blobs, key, 100)).rejects.toSatisfy((error) => isFault(error, "BLOB_INCOMPLETE"));
  }
});

it("never takes a digest for a path", async () => {
  for (const digest of ["sha256:../../etc/passwd", `sha256:${"A".repeat(64)}`, `../${"0".repeat(64)}`]) {
    await expect(blobs.stat({ tenant: "local", digest })).rejects.toMatchObject({ kind: "invalid" });
  }
});

it("has the content and its name on disk before it says that a blob is complete", async () => {
  using syncs = await watchSyncs();

  await send(text, 0);

  const [path] = filesOf(dir);
  const folders = [dirname(path ?? ""), dirname(dirname(path ?? "")), join(dir, "blobs")];
  expect([path ?? "", ...folders].map((one) => syncs.has(one))).toEqual([true, true, true, true]);
});

it("is readable by nobody but its user", async () => {
  await send(text, 0);

  const modes = filesOf(dir).map((path) => statSync(path).mode & 0o077);
  expect(modes).toEqual([0]);
  expect(statSync(join(dir, "blobs")).mode & 0o077).toBe(0);
});

it("refuses a whole read beyond what is asked for, and a blob that is not complete", async () => {
  await send(text, 0, 10);
  await expect(readWhole(blobs, keyOf(text), 100)).rejects.toSatisfy((error) => isFault(error, "BLOB_INCOMPLETE"));
  await send(text, 10);

  await expect(readWhole(blobs, keyOf(text), 5)).rejects.toSatisfy((error) => isFault(error, "LIMIT_REACHED"));
});

it("says that it is closed", async () => {
  await blobs.close();

  await expect(send(text, 0)).rejects.toSatisfy((error) => isFault(error, "STORE_CLOSED"));
});

async function open(options: Partial<FileBlobsOptions> = {}): Promise<Blobs> {
  return await openFileBlobs({ dir, clock: systemClock, log: silentLog, ...options });
}

async function reopen(options: Partial<FileBlobsOptions> = {}): Promise<void> {
  await blobs.close();
  blobs = await open(options);
}

function keyOf(bytes: Uint8Array) {
  return { tenant: "local", digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
}

function send(bytes: Uint8Array, offset: number, end = bytes.length) {
  return blobs.append({ ...keyOf(bytes), size: bytes.length, offset, data: bytes.subarray(offset, end) });
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
