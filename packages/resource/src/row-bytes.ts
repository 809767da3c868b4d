import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ApiResourceMetadataSchema } from "@stigmer/contracts/commons";
import type { Row } from "@stigmer/store";
import type { Kind } from "./kind.ts";
import { mayHoldSealed } from "./sealing.ts";
import { shownRow } from "./stored.ts";

/**
 * The encoding of the resource in a row, as `shownRow` gives it; without making the message, unless it holds what is sealed. The version follows as a second
 * metadata field, which every parser merges with the first (Protocol Buffers, "Last One Wins").
 */
export function rowBytes(kind: Kind, row: Row): Uint8Array {
  if (mayHoldSealed(kind, row)) return toBinary(kind.schema, shownRow(kind, row));
  const version = String(row.version);
  const bytes = new Uint8Array(row.bytes.length + 4 + version.length);
  bytes.set(row.bytes);
  let at = row.bytes.length;
  bytes[at++] = lengthDelimited(kind.metadataField.number);
  bytes[at++] = 2 + version.length;
  bytes[at++] = lengthDelimited(ApiResourceMetadataSchema.field.resourceVersion.number);
  bytes[at++] = version.length;
  for (let digit = 0; digit < version.length; digit++) bytes[at++] = version.charCodeAt(digit);
  return bytes;
}

/** The encoding of a repeated field whose items these are. */
export function itemsBytes(number: number, items: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const item of items) writer.tag(number, WireType.LengthDelimited).bytes(item);
  return writer.finish();
}

/** The tag of a field, which is one byte up to the number 15. */
function lengthDelimited(number: number): number {
  return (number << 3) | WireType.LengthDelimited;
}
