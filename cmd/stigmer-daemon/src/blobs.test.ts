import { createHash, randomBytes } from "node:crypto";
import { readBlob, readBlobPieces, uploadBlob } from "@stigmer/client";
import { connectTo } from "@stigmer/client/node";
import { BlobCommandController, BlobQueryController, ServerQueryController } from "@stigmer/contracts/platform";
import { afterAll, beforeAll, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const MIB = 1024 * 1024;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startTestDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

it("gives back what was uploaded, piece by piece", async () => {
  const bytes = randomBytes(3 * MIB + 17);
  const seen: number[] = [];

  const { digest, size } = await uploadBlob(daemon.client, bytes, { onProgress: (offset) => void seen.push(offset) });

  expect({ digest, size }).toEqual({ digest: digestOf(bytes), size: bytes.length });
  expect(seen).toEqual([0, MIB, 2 * MIB, 3 * MIB, bytes.length]);
  expect(Buffer.from(await readBlob(daemon.client, digest)).equals(bytes)).toBe(true);
});

it("sends nothing of a blob that the backend has", async () => {
  const bytes = randomBytes(2 * MIB);
  await uploadBlob(daemon.client, bytes);
  const seen: number[] = [];

  await uploadBlob(daemon.client, bytes, { onProgress: (offset) => void seen.push(offset) });

  expect(seen).toEqual([bytes.length]);
});

it("makes the same blob of an upload that was cut at any byte, and read from any byte", async () => {
  for (let cut = 0; cut <= 64; cut++) {
    const bytes = randomBytes(64);
    await send(bytes, { offset: 0, end: cut >> 1 });
    await send(bytes, { offset: cut >> 2, end: cut });

    const { digest } = await uploadBlob(daemon.client, bytes);

    expect(await readFrom(digest, cut)).toEqual(bytes.subarray(cut));
  }
});

it("goes on with an upload after the daemon was stopped in the middle of it", async () => {
  const bytes = randomBytes(4 * MIB);
  const client = connectTo({ url: daemon.url, attempts: 1 });
  let restarted: Promise<void> | undefined;

  const { digest } = await uploadBlob(client, bytes, {
    onProgress: (offset) => {
      if (offset >= 2 * MIB) restarted ??= daemon.stop().then(() => daemon.start());
    },
  });

  await restarted;
  client.close();
  expect(Buffer.from(await readBlob(daemon.client, digest)).equals(bytes)).toBe(true);
});

it("refuses bytes that are not those of the digest, and takes the right ones afterwards", async () => {
  const bytes = randomBytes(100);
  const wrong = Uint8Array.from(bytes, (byte) => byte ^ 1);
  const digest = digestOf(bytes);

  const fault = await refused(
    daemon.client.service(BlobCommandController).append({ digest, size: 100n, offset: 0n, data: wrong }),
  );

  expect(fault).toMatchObject({ kind: "invalid", reason: "BLOB_DIGEST_MISMATCH" });
  expect(await uploadBlob(daemon.client, bytes)).toEqual({ digest, size: 100 });
});

it("refuses a blob beyond the limit that it states, a piece beyond its blob, and a digest that is none", async () => {
  const { limits } = await daemon.client.service(ServerQueryController).getInfo({});
  const append = daemon.client.service(BlobCommandController).append;
  const digest = digestOf(new Uint8Array(1));

  const large = await refused(append({ digest, size: (limits?.maxBlobBytes ?? 0n) + 1n, data: new Uint8Array(1) }));
  const long = await refused(append({ digest, size: 1n, offset: 1n, data: new Uint8Array(1) }));
  const path = await refused(append({ digest: "sha256:../../x", size: 1n }));

  expect(limits).toMatchObject({ maxBlobBytes: 2n ** 28n, maxUnfinishedBlobs: 64, unfinishedBlobMs: 86_400_000n });
  expect(large.violations).toMatchObject([{ field: "size" }]);
  expect(long.violations).toMatchObject([{ field: "data" }]);
  expect(path.violations).toMatchObject([{ field: "digest" }]);
});

it("says of blobs how far they are, in the order in which they are asked about", async () => {
  const [whole, part, none] = [randomBytes(10), randomBytes(10), randomBytes(10)];
  await uploadBlob(daemon.client, whole);
  await send(part, { offset: 0, end: 4 });

  const { blobs } = await daemon.client
    .service(BlobQueryController)
    .stat({ digests: [none, whole, part].map(digestOf) });

  expect(blobs.map(({ offset, complete }) => [offset, complete])).toEqual([
    [0n, false],
    [10n, true],
    [4n, false],
  ]);
});

it("refuses to read what is not complete, and beyond the end", async () => {
  const bytes = randomBytes(10);
  await send(bytes, { offset: 0, end: 4 });
  const read = async (digest: string, offset = 0n): Promise<void> => {
    for await (const _ of daemon.client.service(BlobQueryController).read({ digest, offset }));
  };

  expect(await refused(read(digestOf(bytes)))).toMatchObject({ kind: "precondition", reason: "BLOB_INCOMPLETE" });
  await uploadBlob(daemon.client, bytes);
  expect((await refused(read(digestOf(bytes), 11n))).violations).toMatchObject([{ field: "offset" }]);
});

it("gives a reader no more than it takes", async () => {
  const { digest } = await uploadBlob(daemon.client, randomBytes(1_000));

  const reading = (async () => {
    for await (const _ of readBlobPieces(daemon.client, digest, { maxBytes: 999 }));
  })();

  expect(await refused(reading)).toMatchObject({ kind: "exhausted", reason: "LIMIT_REACHED" });
});

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function readFrom(digest: string, offset: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const request = { digest, offset: BigInt(offset) };
  for await (const { data } of daemon.client.service(BlobQueryController).read(request)) pieces.push(data);
  return Buffer.concat(pieces);
}

async function send(bytes: Uint8Array, { offset, end }: { readonly offset: number; readonly end: number }) {
  const data = bytes.subarray(offset, end);
  const request = { digest: digestOf(bytes), size: BigInt(bytes.length), offset: BigInt(offset), data };
  return await daemon.client.service(BlobCommandController).append(request);
}
