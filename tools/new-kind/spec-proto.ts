import { type KindShape, packageOf } from "./kind-shape.ts";

/** What the user wants, to begin with: `spec.proto`. */
export function specProto(shape: KindShape): string {
  return `syntax = "proto3";

package ${packageOf(shape).name};

import "buf/validate/validate.proto";

// What ${shape.aNoun} is.
message ${shape.kind}Spec {
  // One line for people who choose between ${shape.nouns}.
  string description = 1 [(buf.validate.field).string.max_len = 1024];
}
`;
}

/** What the system saw, to begin with: `status.proto`. */
export function statusProto(shape: KindShape): string {
  return `syntax = "proto3";

package ${packageOf(shape).name};

// What the system knows of ${shape.aNoun}.
message ${shape.kind}Status {
  // Digest of the spec, \`sha256:<hex>\` over its RFC 8785 JSON.
  string revision = 1;
}
`;
}
