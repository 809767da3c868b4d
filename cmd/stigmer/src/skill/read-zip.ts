import { crc32, inflateRawSync } from "node:zlib";
import { type Failure, misused } from "../failure.ts";
import { printableLine } from "../output/printable.ts";
import { createRoom, isBelow, isHidden, type LocalFile, type Room } from "./skill-source.ts";
import { type ZipEntry, zipDirectory } from "./zip-directory.ts";

/** The files of an archive, hidden ones left out; where all of them lie in one folder, its name is no part of their paths. */
export function readZip(name: string, archive: Uint8Array): LocalFile[] {
  const data = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const room = createRoom(name);
  const entries = zipDirectory(data);
  if (!entries) throw misused(`${name}: is no zip archive that can be read`, "make it anew, without encryption");
  for (const entry of entries) requireTame(name, entry);
  const kept = entries.filter(({ path }) => !path.endsWith("/") && !path.split("/").some(isHidden));
  const files = kept.map((entry) => unpack(data, entry, { name, room }));
  const seen = new Set<string>();
  for (const { path } of files) {
    if (seen.has(path)) throw misused(`${name}: holds ${printableLine(path)} twice`);
    seen.add(path);
  }
  return withoutTopFolder(files);
}

const TYPE_BITS = 0o170000;
const TAME_TYPES = new Set([0, 0o100000, 0o040000]);
const ENCRYPTED = 1;

/** Refuses an archive in which anything, even what would be left out, reaches out of its folder or is no plain file. */
function requireTame(name: string, { path, mode, flags }: ZipEntry): void {
  const shown = `${name}: ${printableLine(path)}`;
  if (!isBelow(path.endsWith("/") ? path.slice(0, -1) : path))
    throw misused(`${shown} leaves the archive's folder`, "do not use this archive: it is made to do harm");
  if (!TAME_TYPES.has(mode & TYPE_BITS)) throw misused(`${shown} is a link, or no file`, "leave it out");
  if ((flags & ENCRYPTED) !== 0) throw misused(`${shown} is encrypted`, "make the archive without a password");
}

type Unpacking = { readonly name: string; readonly room: Room };

const STORED = 0;
const DEFLATED = 8;

function unpack(data: Buffer, entry: ZipEntry, { name, room }: Unpacking): LocalFile {
  const { path, size, packed, method, crc } = entry;
  room.take(path, size);
  const bytes = method === STORED ? packed(data) : method === DEFLATED ? inflate(packed(data), size) : undefined;
  if (bytes?.length !== size || crc32(bytes) !== crc) throw broken(name, path);
  return { path, bytes };
}

/** Never more than the archive's directory says, which was counted: what unpacks to more is no archive but a bomb. */
function inflate(packed: Uint8Array | undefined, size: number): Uint8Array | undefined {
  try {
    return packed && inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch {
    return undefined;
  }
}

function broken(name: string, path: string): Failure {
  return misused(`${name}: ${printableLine(path)} can't be unpacked as the archive describes it`, "make it anew");
}

function withoutTopFolder(files: readonly LocalFile[]): LocalFile[] {
  const [top = ""] = files[0]?.path.split("/") ?? [];
  const prefix = `${top}/`;
  if (!files.every(({ path }) => path.startsWith(prefix))) return [...files];
  return files.map(({ path, bytes }) => ({ path: path.slice(prefix.length), bytes }));
}
