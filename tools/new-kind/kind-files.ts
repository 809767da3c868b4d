import { camel } from "../contract.ts";
import { apiProto } from "./api-proto.ts";
import { commandProto } from "./command-proto.ts";
import { ioProto } from "./io-proto.ts";
import { type KindShape, packageOf } from "./kind-shape.ts";
import { queryProto } from "./query-proto.ts";
import { specProto, statusProto } from "./spec-proto.ts";

const PROTOS = {
  "api.proto": apiProto,
  "spec.proto": specProto,
  "status.proto": statusProto,
  "command.proto": commandProto,
  "query.proto": queryProto,
  "io.proto": ioProto,
};

/** Everything that a new kind costs: its six protos, its registration and its example, as text by path. */
export function kindFiles(shape: KindShape): ReadonlyMap<string, string> {
  return new Map([
    ...kindProtos(shape),
    [`packages/kinds/src/${shape.name}.ts`, registration(shape)],
    [`examples/resources/${shape.folder}.yaml`, example(shape)],
  ]);
}

/** The protos of a kind as text by path. Spec and status are those that a new kind begins with. */
export function kindProtos(shape: KindShape): ReadonlyMap<string, string> {
  const { path } = packageOf(shape);
  return new Map(
    Object.entries(PROTOS).map(([name, print]) => [`apis/${path}/${name}`, withSortedImports(print(shape))]),
  );
}

/** As `buf format` has them; where the group stands in the alphabet moves them. */
function withSortedImports(proto: string): string {
  return proto.replace(/(?:^import .*\n)+/m, (imports) => imports.trimEnd().split("\n").sort().join("\n").concat("\n"));
}

function registration({ name, kind, group }: KindShape): string {
  const names = [`${kind}CommandController`, `${kind}QueryController`, `${kind}Schema`, `${kind}StatusSchema`];
  return `import { create } from "@bufbuild/protobuf";
${importLine(names, `@stigmer/contracts/${group}`)}
${importLine(["defineKind"], "@stigmer/resource")}

export const ${camel(name)} = defineKind({
  message: ${kind}Schema,
  services: [${kind}CommandController, ${kind}QueryController],
  observe: (next, { specDigest }) => {
    next.status = create(${kind}StatusSchema, { revision: specDigest });
  },
});
`;
}

/** On one line where it fits, as the formatter has it. */
function importLine(names: readonly string[], from: string): string {
  const sorted = [...names].sort();
  const line = `import { ${sorted.join(", ")} } from "${from}";`;
  return line.length <= 120 ? line : `import {\n${sorted.map((name) => `  ${name},\n`).join("")}} from "${from}";`;
}

function example({ name, kind, group, nouns }: KindShape): string {
  return `apiVersion: ${group}.stigmer.ai/v1
kind: ${kind}
metadata:
  name: first-${name}
  labels:
    team: platform
spec:
  description: Shows people who choose between ${nouns} what this one is for.
`;
}
