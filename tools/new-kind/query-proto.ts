import { type KindShape, packageOf } from "./kind-shape.ts";

/** What reads resources of the kind: `query.proto`. */
export function queryProto(shape: KindShape): string {
  const { kind, kinds, folder, aNoun, nouns } = shape;
  const { name, path } = packageOf(shape);
  return `syntax = "proto3";

package ${name};

import "${path}/api.proto";
import "${path}/io.proto";
import "ai/stigmer/commons/apiresource/v1/metadata.proto";
import "ai/stigmer/commons/apiresource/v1/options.proto";

// Reads ${nouns}.
service ${kind}QueryController {
  // Reads ${aNoun} by id.
  rpc get(Get${kind}Request) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_GET
      permission: "${folder}.get"
      resource: "id"
      effect: EFFECT_READ
    };
  }

  // Reads ${aNoun} by organization and name.
  rpc getByReference(ai.stigmer.commons.apiresource.v1.ApiResourceReference) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_GET_BY_REFERENCE
      permission: "${folder}.get"
      resource: "name"
      effect: EFFECT_READ
    };
  }

  // Reads a page of ${nouns}.
  rpc list(List${kinds}Request) returns (${kind}List) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_LIST
      permission: "${folder}.list"
      effect: EFFECT_READ
    };
  }

  // Streams changes of ${nouns}, each once and in order.
  rpc watch(Watch${kinds}Request) returns (stream ${kind}Event) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_WATCH
      permission: "${folder}.watch"
      effect: EFFECT_READ
    };
  }
}
`;
}
