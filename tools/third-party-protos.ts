import { execFile } from "node:child_process";
import { mkdir, mkdtempDisposable, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { clone, createRegistry, type DescFile, equals, fromBinary, type Registry, toBinary } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { toText } from "@bufbuild/protobuf/txtpb";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.ts";

const HEADER = `// Printed by tools/third-party-protos.ts from the descriptor in npm's @bufbuild/protovalidate
// (Copyright Buf Technologies, Inc., Apache-2.0), which carries no comments.

`;

/** Files that a package ships as source: where they go, and what they are called in npm. */
const SHIPPED = {
  "grpc/health/v1/health.proto": "grpc-health-check/proto/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
  "google/rpc/error_details.proto": "google-proto-files/google/rpc/error_details.proto",
  "google/rpc/status.proto": "google-proto-files/google/rpc/status.proto",
} as const;

const MAX_NAMED = 20;

/** .proto source by its import path. */
type Sources = ReadonlyMap<string, string>;

/**
 * Writes the .proto files that ours import below `outDir`, taken from npm packages alone.
 *
 * Everything is compiled first, and what was printed from a descriptor must compile back to it; if not, this fails and
 * `outDir` holds none of the files, not even an earlier run's. `google/protobuf/*` is left out, as buf brings it.
 */
export async function writeThirdPartyProtos(outDir: string, print = printProto): Promise<void> {
  const described = describedFiles(file_buf_validate_validate);
  const printed = described.filter((file) => !file.proto.name.startsWith("google/protobuf/"));
  const paths = [...printed.map((file) => file.proto.name), ...Object.keys(SHIPPED)];
  await Promise.all(paths.map((path) => rm(join(outDir, path), { force: true })));
  const registry = createRegistry(...described);
  const sources = new Map([
    ...printed.map((file) => [file.proto.name, HEADER + print(file.proto, registry)] as const),
    ...(await shippedSources()),
  ]);
  const compiled = await compileProtos(sources);
  for (const file of printed) assertSame(file.proto, { compiled, registry });
  await writeSources(outDir, sources);
}

/** The file and all that it imports, each once. */
function describedFiles(file: DescFile): readonly DescFile[] {
  return [...new Set([...file.dependencies.flatMap(describedFiles), file])];
}

async function shippedSources(): Promise<Sources> {
  const { resolve } = createRequire(import.meta.url);
  const read = Object.entries(SHIPPED).map(
    async ([path, name]) => [path, await readFile(resolve(name), "utf8")] as const,
  );
  return new Map(await Promise.all(read));
}

/**
 * Compiles `sources` with buf, in a temporary folder and without the network, and returns their descriptors and those
 * of what they import, without positions and comments. Fails with buf's own message where they do not compile.
 */
export async function compileProtos(sources: Sources): Promise<readonly FileDescriptorProto[]> {
  await using stage = await mkdtempDisposable(join(tmpdir(), "third-party-protos-"));
  await writeSources(stage.path, new Map([...sources, ["buf.yaml", "version: v2\n"]]));
  const buf = createRequire(import.meta.url).resolve("@bufbuild/buf/bin/buf");
  const args = ["build", stage.path, "--as-file-descriptor-set", "--exclude-source-info"];
  const { stdout } = await promisify(execFile)(process.execPath, [buf, ...args, "-o", "-#format=binpb"], {
    encoding: "buffer",
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  return fromBinary(FileDescriptorSetSchema, stdout).file;
}

async function writeSources(dir: string, sources: Sources): Promise<void> {
  for (const [path, source] of sources) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), source);
  }
}

function assertSame(
  original: FileDescriptorProto,
  against: { readonly compiled: readonly FileDescriptorProto[]; readonly registry: Registry },
): void {
  const copy = against.compiled.find((file) => file.name === original.name);
  if (copy === undefined) throw new Error(`${original.name} was not compiled`);
  const found = descriptorDifferences(original, copy, against.registry);
  if (found.length === 0) return;
  const more = found.length > MAX_NAMED ? [`and ${found.length - MAX_NAMED} more`] : [];
  const named = [...found.slice(0, MAX_NAMED), ...more].map((line) => `  ${line}\n`).join("");
  throw new Error(
    `${original.name} does not compile back to its descriptor\n${named}teach tools/print-proto.ts what it lacks`,
  );
}

/**
 * Names each place where two descriptors differ, `-` for what only `original` says and `+` for what only `copy` says.
 * Options are compared by value, as `registry` decodes them; those it does not know by their bytes. Order counts.
 */
export function descriptorDifferences(
  original: FileDescriptorProto,
  copy: FileDescriptorProto,
  registry: Registry,
): readonly string[] {
  const [left, right] = [withoutEmptyOptions(original), withoutEmptyOptions(copy)];
  if (equals(FileDescriptorProtoSchema, left, right, { registry, extensions: true, unknown: true })) return [];
  const [before, after] = [statedFacts(left, registry), statedFacts(right, registry)];
  const [inBefore, inAfter] = [new Set(before), new Set(after)];
  const differences = [
    ...before.filter((fact) => !inAfter.has(fact)).map((fact) => `- ${fact}`),
    ...after.filter((fact) => !inBefore.has(fact)).map((fact) => `+ ${fact}`),
  ];
  if (differences.length > 0) return differences;
  const moved = before.findIndex((fact, at) => fact !== after[at]);
  return [`order or count differs, from: ${before[moved] ?? after[before.length] ?? "an unknown place"}`];
}

/** Generated code strips options that only source needs, and may keep the empty message that held them. */
function withoutEmptyOptions(file: FileDescriptorProto): FileDescriptorProto {
  const copy = clone(FileDescriptorProtoSchema, file);
  dropEmptyOptions(reflect(FileDescriptorProtoSchema, copy));
  return copy;
}

function dropEmptyOptions(message: ReflectMessage): void {
  for (const field of message.fields.filter((declared) => message.isSet(declared))) {
    if (field.fieldKind === "list" && field.listKind === "message")
      for (const item of message.get(field)) if (isReflectMessage(item)) dropEmptyOptions(item);
    if (field.fieldKind !== "message" || field.name !== "options") continue;
    const options = message.get(field);
    if (toBinary(options.desc, options.message).length === 0) message.clear(field);
  }
}

/** The descriptor as one line for each value that is set, led by the names of what it belongs to. */
function statedFacts(file: FileDescriptorProto, registry: Registry): readonly string[] {
  const text = toText(FileDescriptorProtoSchema, file, { registry, printUnknownFields: true });
  const facts: string[] = [];
  const path: string[] = [];
  for (const line of text.split("\n").map((indented) => indented.trim())) {
    if (line === "}") path.pop();
    else if (line.endsWith("{")) path.push(line.replace(/:? *\{$/, ""));
    else if (line !== "") facts.push([...path, line].join(" / "));
    const name = /^name: "(.*)"$/.exec(line)?.[1];
    if (name !== undefined && path.length > 0) path.push(`${path.pop()} ${name}`);
  }
  return facts;
}

async function main(args: readonly string[]): Promise<number> {
  const [outDir, ...rest] = args;
  if (outDir === undefined || rest.length > 0) {
    process.stderr.write("usage: node tools/third-party-protos.ts <out-dir>\n");
    return 2;
  }
  try {
    await writeThirdPartyProtos(outDir);
    return 0;
  } catch (cause) {
    process.stderr.write(`error: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
