import { type KindShape, packageOf } from "./kind-shape.ts";

/** Messages that exist for a call only: `io.proto`. */
export function ioProto(shape: KindShape): string {
  return `${remove(shape)}${one(shape)}${page(shape)}${changes(shape)}${lifecycle(shape)}${shape.revisions ? tag(shape) : ""}`;
}

function remove(shape: KindShape): string {
  const { kind, noun, aNoun } = shape;
  const { name, path } = packageOf(shape);
  return `syntax = "proto3";

package ${name};

import "${path}/api.proto";
import "ai/stigmer/commons/apiresource/v1/io.proto";
import "buf/validate/validate.proto";

// Asks to remove ${aNoun}.
message Delete${kind}Request {
  // Id of the ${noun}.
  string id = 1 [(buf.validate.field).string.min_len = 1];
  // If set, the ${noun} is removed only while it has this version.
  string resource_version = 2;
  // What to do about executions that are not finished; unset refuses while there are any.
  ai.stigmer.commons.apiresource.v1.RunningPolicy running = 3 [(buf.validate.field).enum.defined_only = true];
  // What to do about resources that this one alone owns; unset deletes them too.
  ai.stigmer.commons.apiresource.v1.DependentsPolicy dependents = 4 [(buf.validate.field).enum.defined_only = true];
}

`;
}

function one({ kind, noun }: KindShape): string {
  return `// Asks for one ${noun}.
message Get${kind}Request {
  // Id of the ${noun}.
  string id = 1 [(buf.validate.field).string.min_len = 1];
  // A version that the answer must not be older than, as a write or a list returned it; empty means any.
  string min_resource_version = 2 [(buf.validate.field).string.max_len = 32];
}

`;
}

function page({ kind, kinds, nouns }: KindShape): string {
  return `// Asks for a page of ${nouns}.
message List${kinds}Request {
  // Organization; empty means the caller's.
  string org = 1 [(buf.validate.field).string.max_len = 63];
  // Most items of a page, 0 to 1,000; 0 means 50.
  int32 page_size = 2 [
    (buf.validate.field).int32.gte = 0,
    (buf.validate.field).int32.lte = 1000
  ];
  // From the page before; empty means the first page. Bound to the request's other fields.
  string page_token = 3 [(buf.validate.field).string.max_len = 1024];
  // Labels to select by, as Kubernetes writes it: \`team=platform,env in (dev, test),!archived\`. Empty means all.
  string label_selector = 5 [(buf.validate.field).string.max_len = 16384];
  // Fields to select by, as AIP-160 writes it: \`metadata.createdBy = "ada"\`. Empty means all. \`listKinds\` says which fields
  // may be used.
  string filter = 6 [(buf.validate.field).string.max_len = 16384];
  // Also those that are deleted and not purged yet.
  bool show_deleted = 7;
  // A version that the answer must not be older than, as a write or a list returned it; empty means any.
  string min_resource_version = 8 [(buf.validate.field).string.max_len = 32];
}

// A page of ${nouns}.
message ${kind}List {
  // In order of id, which is the order in which they were made.
  repeated ${kind} items = 1;
  // Asks for the next page; empty on the last one.
  string next_page_token = 2;
  // The backend's version at which the page was read; to ask later for answers that are not older.
  string resource_version = 3;
  // Starts a watch with the same selection that misses nothing of what came after the page.
  string resume_token = 4;
}

`;
}

function changes({ kind, kinds, noun, aNoun, nouns }: KindShape): string {
  return `// Asks for changes of ${nouns}.
message Watch${kinds}Request {
  // Organization; empty means the caller's.
  string org = 1 [(buf.validate.field).string.max_len = 63];
  // Begin with an ADDED event for each that is there, then a bookmark. Not together with \`resume_token\`.
  bool send_initial = 2;
  // Go on after the event or list that carried this token; empty means from now.
  string resume_token = 3 [(buf.validate.field).string.max_len = 1024];
  // As in the list request. One that comes to match is ADDED, one that no longer does is DELETED.
  string label_selector = 5 [(buf.validate.field).string.max_len = 16384];
  // As in the list request.
  string filter = 6 [(buf.validate.field).string.max_len = 16384];
}

// A change of ${aNoun}.
message ${kind}Event {
  // What happened.
  ai.stigmer.commons.apiresource.v1.WatchEventType type = 1;
  // The ${noun} after the change, or its last state where it was removed; absent in a bookmark.
  ${kind} object = 2;
  // Resumes after this event. Empty within the initial set and within the changes of one commit: keep the one before until
  // the set is whole.
  string resume_token = 3;
}

`;
}

function lifecycle({ kind, noun, aNoun }: KindShape): string {
  return `// Asks to bring a deleted ${noun} back.
message Undelete${kind}Request {
  // Id of the ${noun}.
  string id = 1 [(buf.validate.field).string.min_len = 1];
}

// Asks to remove ${aNoun} for good.
message Purge${kind}Request {
  // Id of the ${noun}.
  string id = 1 [(buf.validate.field).string.min_len = 1];
}
`;
}

function tag({ kind, noun, aNoun }: KindShape): string {
  return `
// Asks to give a revision of ${aNoun} a name.
message Tag${kind}Request {
  // Id of the ${noun}.
  string id = 1 [(buf.validate.field).string.min_len = 1];
  // The name: letters, digits, points, hyphens and underscores, up to 63. It moves where another revision has it.
  string tag = 2 [(buf.validate.field).string.pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$"];
  // The revision, as \`sha256:<hex>\` or another tag; empty means the current one.
  string revision = 3 [
    (buf.validate.field).string.max_len = 128,
    (buf.validate.field).string.pattern = "^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,62})?$"
  ];
}
`;
}
