import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readBlob, uploadBlob } from "@stigmer/client";
import { BlobCommandController, BlobQueryController } from "@stigmer/contracts/platform";
import { eventually, startDaemon, type TestDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { createScratch } from "./effects.ts";
import { mayMount, mountSmallDisk } from "./small-disk.ts";

const MIB = 1024 * 1024;
const NO_RUNNER = "runner: { slots: 0 }";

it("makes the blob of an upload in which the daemon is killed again and again", async () => {
  await using daemon = await startDaemon({ config: NO_RUNNER });
  const bytes = randomBytes(24 * MIB);
  const moments = [3 * MIB, 10 * MIB, 17 * MIB, 23 * MIB];
  let deaths = 0;
  let dying = Promise.resolve();

  const { digest } = await uploadBlob(daemon.client, bytes, {
    onProgress(offset) {
      if (offset < (moments[0] ?? Number.POSITIVE_INFINITY)) return;
      moments.shift();
      // Not waited for: the next piece is on its way while the daemon dies.
      dying = dying.then(() => daemon.kill()).then(() => daemon.restart());
      deaths++;
    },
  });
  await dying;

  expect(deaths).toBe(4);
  expect(Buffer.from(await readBlob(daemon.client, digest)).equals(bytes)).toBe(true);
  expect(unfinishedIn(daemon)).toEqual([]);
});

it("has what it said was complete after a kill, and takes anew what it did not say it of", async () => {
  await using daemon = await startDaemon({ config: NO_RUNNER });
  for (let round = 0; round < 6; round++) {
    const blobs = Array.from({ length: 8 }, () => randomBytes(MIB));
    const complete = new Set<string>();
    const client = daemon.newClient(1);
    const uploads = blobs.map(async (data) => {
      const digest = digestOf(data);
      const call = client.service(BlobCommandController).append({ digest, size: BigInt(MIB), data });
      // What the kill has cut off has no answer.
      if ((await call.catch(() => undefined))?.complete) complete.add(digest);
    });
    await eventually(() => (complete.size > round ? true : undefined), "some blobs");
    await daemon.kill();
    await Promise.all(uploads);
    client.close();
    await daemon.restart();

    const { blobs: states } = await daemon.client.service(BlobQueryController).stat({ digests: [...complete] });
    expect(states.filter((state) => !state.complete)).toEqual([]);
    for (const data of blobs) {
      const { digest } = await uploadBlob(daemon.client, data);
      expect(Buffer.from(await readBlob(daemon.client, digest)).equals(data)).toBe(true);
    }
  }
  expect(unfinishedIn(daemon)).toEqual([]);
});

it.skipIf(!mayMount)(
  "says that the disk is full, keeps what it has, and goes on with the upload when there is room",
  async () => {
    using scratch = createScratch();
    using disk = mountSmallDisk(join(scratch.path, "disk"));
    mkdirSync(disk.path, { recursive: true });
    await using daemon = await startDaemon({ home: disk.path });
    const kept = randomBytes(MIB);
    await uploadBlob(daemon.client, kept);
    const bytes = randomBytes(8 * MIB);
    let filled = 0;

    const upload = uploadBlob(daemon.client, bytes, {
      onProgress(offset) {
        if (offset < 4 * MIB || filled++) return;
        disk.fill();
      },
    });
    await expect(upload).rejects.toMatchObject({ kind: "exhausted", reason: "STORE_WRITE_FAILED" });
    expect(Buffer.from(await readBlob(daemon.client, digestOf(kept))).equals(kept)).toBe(true);
    disk.free();
    const begins: number[] = [];
    const { digest } = await uploadBlob(daemon.client, bytes, { onProgress: (offset) => void begins.push(offset) });

    expect(begins[0]).toBeGreaterThanOrEqual(4 * MIB);
    expect(Buffer.from(await readBlob(daemon.client, digest)).equals(bytes)).toBe(true);
  },
);

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function unfinishedIn({ home }: TestDaemon): readonly string[] {
  const names = readdirSync(join(home, "data/blobs"), { recursive: true }).map(String);
  return names.filter((name) => name.includes("unfinished/"));
}
