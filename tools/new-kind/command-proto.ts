import { type KindShape, packageOf } from "./kind-shape.ts";

/** What changes resources of the kind: `command.proto`. */
export function commandProto(shape: KindShape): string {
  return `${changes(shape)}${lifecycle(shape)}${shape.revisions ? tagMethod(shape) : ""}}
`;
}

function changes(shape: KindShape): string {
  const { kind, folder, noun, aNoun, nouns } = shape;
  const { name, path } = packageOf(shape);
  return `syntax = "proto3";

package ${name};

import "${path}/api.proto";
import "${path}/io.proto";
import "ai/stigmer/commons/apiresource/v1/options.proto";

// Changes ${nouns}.
service ${kind}CommandController {
  // Makes ${aNoun}; refuses a name that is taken.
  rpc create(${kind}) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_CREATE
      permission: "${folder}.create"
      effect: EFFECT_WRITE
    };
  }

  // Replaces the ${noun}'s spec, labels and annotations; needs the resource version that it was based on.
  rpc update(${kind}) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_UPDATE
      permission: "${folder}.update"
      resource: "metadata.name"
      effect: EFFECT_WRITE
    };
  }

  // Removes the ${noun} for 30 days, during which \`undelete\` brings it back and its name stays taken. Refuses while executions
  // run, unless told to cancel or to leave them.
  rpc delete(Delete${kind}Request) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_DELETE
      permission: "${folder}.delete"
      resource: "id"
      effect: EFFECT_WRITE
    };
  }

`;
}

function lifecycle({ kind, folder, noun, revisions }: KindShape): string {
  return `  // Brings a deleted ${noun} back, with what was deleted together with it.
  rpc undelete(Undelete${kind}Request) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_UNDELETE
      permission: "${folder}.undelete"
      resource: "id"
      effect: EFFECT_WRITE
    };
  }

  // Removes a deleted ${noun} for good, ${revisions ? "with its revisions and tags, " : ""}and frees its name.
  rpc purge(Purge${kind}Request) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_PURGE
      permission: "${folder}.purge"
      resource: "id"
      effect: EFFECT_WRITE
    };
  }
`;
}

function tagMethod({ kind, folder, noun }: KindShape): string {
  return `
  // Gives a revision of the ${noun} a name, and returns the ${noun} as that revision is.
  rpc tag(Tag${kind}Request) returns (${kind}) {
    option (ai.stigmer.commons.apiresource.v1.method) = {
      verb: VERB_TAG
      permission: "${folder}.tag"
      resource: "id"
      effect: EFFECT_WRITE
    };
  }
`;
}
