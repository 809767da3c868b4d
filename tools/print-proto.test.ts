import { mkdtempDisposable, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clone, create, createFileRegistry, createRegistry } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_descriptor,
  file_google_protobuf_struct,
} from "@bufbuild/protobuf/wkt";
import { file_google_protobuf_compiler_plugin } from "@bufbuild/protobuf/wkt/google/protobuf/compiler/plugin_pb.js";
import { file_google_protobuf_cpp_features } from "@bufbuild/protobuf/wkt/google/protobuf/cpp_features_pb.js";
import { file_google_protobuf_java_features } from "@bufbuild/protobuf/wkt/google/protobuf/java_features_pb.js";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "vitest";
import { printProto } from "./print-proto.ts";
import { compileProtos, descriptorDifferences, writeThirdPartyProtos } from "./third-party-protos.ts";

const DESCRIBED = [
  file_google_protobuf_descriptor,
  file_google_protobuf_compiler_plugin,
  file_google_protobuf_struct,
  file_google_protobuf_cpp_features,
  file_google_protobuf_java_features,
  file_buf_validate_validate,
];
const registry = createRegistry(...DESCRIBED);

const WRITTEN = {
  "proto2.proto": `
    syntax = "proto2";
    package sample.two;
    import public "google/protobuf/descriptor.proto";
    import "buf/validate/validate.proto";
    option optimize_for = CODE_SIZE;
    extend google.protobuf.FieldOptions { repeated string tag = 50000; optional double weight = 50001; }
    extend google.protobuf.MessageOptions { optional A shape = 50000; }
    message A {
      option (shape) = { s: "x" [sample.two.A.inner]: 3 };
      required string s = 1 [default = "a\\"\\\\ \\n\\u00e9"];
      optional bytes b = 2 [default = "\\001\\xff\\"\\\\"];
      optional float f = 3 [default = -inf, (weight) = -1e+21];
      optional sint64 n = 4 [default = -9223372036854775808, jstype = JS_STRING, deprecated = true];
      repeated int32 p = 5 [packed = true, (tag) = "one", (tag) = "two\\nlines"];
      optional E e = 6 [default = E_B, json_name = "other"];
      optional string empty = 7 [default = ""];
      map<string, A.Nested> m = 8;
      oneof choice {
        option (buf.validate.oneof).required = true;
        int32 x = 9 [(buf.validate.field).int32 = { gt: 1, in: [1, 2] }];
        A y = 10;
      }
      message Nested { extend A { optional Nested outer = 101; } }
      enum E { option allow_alias = true; reserved -5 to -3, 7 to max; reserved "OLD"; E_A = 0; E_B = -1; E_C = -1 [deprecated = true]; }
      reserved 20, 22 to 30;
      reserved "gone";
      extensions 100 to 199 [verification = UNVERIFIED];
      extensions 1000 to max;
      extend A { optional int32 inner = 100; }
    }`,
  "proto3.proto": `
    syntax = "proto3";
    import "google/protobuf/empty.proto";
    message M { optional int32 a = 1; int32 b = 2; oneof o { string c = 3; } repeated int32 d = 4 [packed = false]; }
    service S {
      option deprecated = true;
      rpc Unary(M) returns (google.protobuf.Empty) { option idempotency_level = NO_SIDE_EFFECTS; }
      rpc Both(stream M) returns (stream M);
    }`,
  "editions.proto": `
    edition = "2023";
    package sample.editions;
    option features.field_presence = IMPLICIT;
    message M { int32 a = 1 [features = { field_presence: EXPLICIT }]; M b = 2 [features.message_encoding = DELIMITED]; reserved c, d; }
    enum E { option features.enum_type = CLOSED; E_ONE = 1; }`,
};

describe("printProto", () => {
  it("prints well-known files so that they compile back to their descriptors", async () => {
    const sources = new Map(DESCRIBED.map((file) => [file.proto.name, printProto(file.proto, registry)]));

    const compiled = await compileProtos(sources);

    const found = DESCRIBED.map((file) => {
      const copy = compiled.find((other) => other.name === file.proto.name);
      return copy && descriptorDifferences(file.proto, copy, registry);
    });
    expect(found).toEqual(DESCRIBED.map(() => []));
  });

  it("prints every construct of the language but groups so that it compiles back", async () => {
    const validate = ["buf/validate/validate.proto", printProto(file_buf_validate_validate.proto, registry)] as const;
    const originals = await compileProtos(new Map([...Object.entries(WRITTEN), validate]));
    const known = createFileRegistry(create(FileDescriptorSetSchema, { file: [...originals] }));
    const sources = new Map(originals.map((file) => [file.name, printProto(file, known)]));

    const compiled = await compileProtos(sources);

    const found = originals.map((file, at) => {
      const copy = compiled.find((other) => other.name === file.name);
      return [at, copy && descriptorDifferences(file, copy, known)];
    });
    expect(found).toEqual(originals.map((_, at) => [at, []]));
  });

  it("refuses options that the registry does not know", () => {
    const print = () => printProto(file_buf_validate_validate.proto, createRegistry());

    expect(print).toThrow("holds an option that nothing declares");
  });
});

describe("descriptorDifferences", () => {
  it("names the values that differ by what they belong to", () => {
    const copy = clone(FileDescriptorProtoSchema, file_google_protobuf_struct.proto);
    for (const field of copy.messageType[0]?.field ?? []) field.number = 9;

    const found = descriptorDifferences(file_google_protobuf_struct.proto, copy, registry);

    expect(found).toEqual([
      "- message_type Struct / field fields / number: 1",
      "+ message_type Struct / field fields / number: 9",
    ]);
  });

  it("tells a changed order from no change", () => {
    const copy = clone(FileDescriptorProtoSchema, file_google_protobuf_struct.proto);
    copy.messageType.reverse();

    const found = descriptorDifferences(file_google_protobuf_struct.proto, copy, registry);

    expect(found).toEqual(['order or count differs, from: message_type / name: "Struct"']);
  });
});

describe("writeThirdPartyProtos", () => {
  it("writes what we import, and what that imports", async () => {
    await using out = await mkdtempDisposable(join(tmpdir(), "print-proto-test-"));

    await writeThirdPartyProtos(out.path);

    expect((await readdir(out.path, { recursive: true })).filter((path) => path.endsWith(".proto")).sort()).toEqual([
      "buf/validate/validate.proto",
      "google/rpc/error_details.proto",
      "google/rpc/status.proto",
      "grpc/health/v1/health.proto",
      "grpc/reflection/v1/reflection.proto",
    ]);
  });

  it("leaves no file behind when a file does not compile back", async () => {
    await using out = await mkdtempDisposable(join(tmpdir(), "print-proto-test-"));
    await writeThirdPartyProtos(out.path);
    const print: typeof printProto = (file, known) => printProto(file, known).replace("oneof = 1159", "oneof = 1158");

    const written = writeThirdPartyProtos(out.path, print);

    await expect(written).rejects.toThrow("+ extension oneof / number: 1158");
    expect((await readdir(out.path, { recursive: true })).filter((path) => path.endsWith(".proto"))).toEqual([]);
  });
});
