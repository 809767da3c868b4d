import { crc32, deflateRawSync } from "node:zlib";

export type ZipMember = {
  readonly path: string;
  readonly text?: string | Uint8Array;
  /** POSIX mode; that of a plain file unless told. */
  readonly mode?: number;
  readonly flags?: number;
  /** What the archive says of the content's size, where that is not the truth. */
  readonly saidSize?: number;
  /** The check sum that the archive states, where that is not the content's. */
  readonly saidCrc?: number;
};

/** A zip archive of these members, whatever they are called. */
export function zipOf(...members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { path, text = "", mode = 0o100644, flags = 0, saidSize, saidCrc } of members) {
    const bytes = Buffer.from(text as string);
    const name = Buffer.from(path);
    const packed = deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(saidCrc ?? crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(saidSize ?? bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from("PK\x03\x04"), common, name, packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((mode << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x03"), common, rest, name);
    offset += 4 + common.length + name.length + packed.length;
  }
  const head = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(head.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, head, end]);
}
