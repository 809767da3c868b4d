import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorSet, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Compiles the contract below `root` with buf, with comments and with everything that it imports. */
export async function contractImage(root: string): Promise<FileDescriptorSet> {
  const buf = createRequire(import.meta.url).resolve("@bufbuild/buf/bin/buf");
  const args = [buf, "build", "apis", "--as-file-descriptor-set", "-o", "-#format=binpb"];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    encoding: "buffer",
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  return fromBinary(FileDescriptorSetSchema, stdout);
}
