import { type KindShape, packageOf } from "./kind-shape.ts";

/** The resource itself, which joins metadata, spec and status: `api.proto`. */
export function apiProto(shape: KindShape): string {
  const { kind, group, comment } = shape;
  const { name, path } = packageOf(shape);
  return `syntax = "proto3";

package ${name};

import "${path}/spec.proto";
import "${path}/status.proto";
import "ai/stigmer/commons/apiresource/v1/metadata.proto";
import "ai/stigmer/commons/apiresource/v1/options.proto";
import "buf/validate/validate.proto";

// ${comment}
message ${kind} {
  option (ai.stigmer.commons.apiresource.v1.kind) = {
    kind: "${kind}"
${options(shape)}  };

  // Always \`${group}.stigmer.ai/v1\`; filled in where absent.
  string api_version = 1 [
    (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE,
    (buf.validate.field).string.const = "${group}.stigmer.ai/v1"
  ];
  // Always \`${kind}\`; filled in where absent.
  string kind = 2 [
    (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE,
    (buf.validate.field).string.const = "${kind}"
  ];
  // Name, labels and what the backend keeps about it.
  ai.stigmer.commons.apiresource.v1.ApiResourceMetadata metadata = 3 [(buf.validate.field).required = true];
  // What is wanted.
  ${kind}Spec spec = 4 [(buf.validate.field).required = true];
  // What the system saw.
  ${kind}Status status = 5 [(ai.stigmer.commons.apiresource.v1.field).output_only = true];
}
`;
}

function options({ plural, shortNames, idPrefix, columns, revisions, filterFields }: KindShape): string {
  return [
    `plural: "${plural}"`,
    ...shortNames.map((name) => `short_names: "${name}"`),
    `id_prefix: "${idPrefix}"`,
    "scope: SCOPE_ORGANIZATION",
    "managed: MANAGED_USER",
    ...columns.flatMap(({ name, path }) => ["columns: {", `  name: "${name}"`, `  path: "${path}"`, "}"]),
    ...(revisions ? ["revisions: true"] : []),
    ...filterFields.map((path) => `filter_fields: "${path}"`),
  ]
    .map((line) => `    ${line}\n`)
    .join("");
}
