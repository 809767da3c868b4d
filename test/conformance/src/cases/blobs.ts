import { createHash } from "node:crypto";
import { BlobCommandController, BlobQueryController, ServerQueryController } from "@stigmer/contracts/platform";
import type { Case, Context } from "../case.ts";
import { check, refused, same } from "../checks.ts";

const feature = BlobCommandController.typeName;
const { append } = BlobCommandController.method;
const { stat, read } = BlobQueryController.method;

/** What blobs promise. */
export const blobCases: readonly Case[] = [
  {
    name: "blobs: gives back what came in pieces, from every offset",
    feature,
    needs: ["stream"],
    async run(context) {
      const bytes = contentOf(context);
      const middle = bytes.length >> 1;

      const first = await send(context, bytes, 0, middle);
      const second = await send(context, bytes, middle);

      same([first.offset, first.complete], [BigInt(middle), false], "answer to the first piece");
      same([second.offset, second.complete], [BigInt(bytes.length), true], "answer to the last piece");
      for (const from of [0, 1, middle, bytes.length])
        same(await readFrom(context, bytes, from), bytes.toString("hex", from), `content from ${from}`);
    },
  },
  {
    name: "blobs: takes a piece again, one that overlaps, and answers one beyond with where to go on",
    feature,
    async run(context) {
      const bytes = contentOf(context);

      const offsets = [
        await send(context, bytes, 0, 5),
        await send(context, bytes, 0, 5),
        await send(context, bytes, 9, 12),
        await send(context, bytes, 2, 9),
        await send(context, bytes, 4, 4),
      ].map(({ offset }) => offset);
      const last = await send(context, bytes, 9);
      const again = await send(context, bytes, 0);

      same(offsets, [5n, 5n, 5n, 9n, 9n], "offsets");
      same([last.complete, again.complete, again.offset], [true, true, BigInt(bytes.length)], "the end, and again");
    },
  },
  {
    name: "blobs: says how far they are",
    feature,
    async run(context) {
      const [whole, part, none] = [contentOf(context), contentOf(context), contentOf(context)];
      await send(context, whole, 0);
      await send(context, part, 0, 3);

      const { blobs } = await context.call(stat, { digests: [part, none, whole].map(digestOf) });

      const offsets = blobs.map(({ offset }) => offset);
      const complete = blobs.map((blob) => blob.complete);
      same(offsets, [3n, 0n, BigInt(whole.length)], "offsets");
      same(complete, [false, false, true], "which are complete");
    },
  },
  {
    name: "blobs: refuses content that is not what its digest says, and takes the right one afterwards",
    feature,
    async run(context) {
      const bytes = contentOf(context);
      const other = Buffer.from(bytes).fill("x", 0, 1);
      const request = { digest: digestOf(bytes), size: BigInt(bytes.length), data: new Uint8Array(other) };

      await refused(context.call(append, request), "BLOB_DIGEST_MISMATCH", "digest");

      check((await send(context, bytes, 0)).complete, "the right content was not taken");
    },
  },
  {
    name: "blobs: refuses one beyond the limit, a piece that ends beyond its blob, and a digest that is none",
    feature,
    async run(context) {
      const bytes = contentOf(context);
      const { limits } = await context.call(ServerQueryController.method.getInfo, {});
      const most = limits?.maxBlobBytes ?? 0n;
      const digest = digestOf(bytes);
      const data = new Uint8Array(bytes);

      check(most > 0n, "the largest blob is not stated");
      await refused(context.call(append, { digest, size: most + 1n, data }), "INVALID_REQUEST", "size");
      await refused(context.call(append, { digest, size: 1n, data }), "INVALID_REQUEST", "data");
      await refused(context.call(append, { digest: "sha256:../x", size: 1n }), "INVALID_REQUEST", "digest");
    },
  },
  {
    name: "blobs: refuses to read one that is not complete",
    feature,
    needs: ["stream"],
    async run(context) {
      const bytes = contentOf(context);
      await send(context, bytes, 0, 3);

      await using pieces = context.open(read, { digest: digestOf(bytes) });
      await refused(pieces.next(), "BLOB_INCOMPLETE");
    },
  },
];

function contentOf(context: Context): Buffer {
  return Buffer.from(`the content of ${context.unique()}`);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function send(context: Context, bytes: Uint8Array, from: number, to = bytes.length) {
  const data = new Uint8Array(bytes.subarray(from, to));
  const request = { digest: digestOf(bytes), size: BigInt(bytes.length), offset: BigInt(from), data };
  return await context.call(append, request);
}

async function readFrom(context: Context, bytes: Uint8Array, from: number): Promise<string> {
  await using reader = context.open(read, { digest: digestOf(bytes), offset: BigInt(from) });
  const pieces = await reader.until(({ offset, data, size }) => offset + BigInt(data.length) >= size);
  return Buffer.concat(pieces.map(({ data }) => data)).toString("hex");
}
