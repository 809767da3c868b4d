import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ApiResourceMetadataSchema } from "@stigmer/contracts/commons";
import type { Row, RowContent } from "@stigmer/store";
import type { Kind, Resource } from "./kind.ts";
import { concealed } from "./sealing.ts";

/** The kind of rows under which deleted resources stand: there no read, page or watch of the kind itself meets them. */
export const deletedKind = (kind: Kind): string => `${kind.options.kind}/deleted`;

/** The row in which a resource is stored. Its version is not part of the bytes: the store knows it. */
export function toRow(kind: Kind, org: string, resource: Resource): RowContent {
  const metadata = metadataOf(resource);
  const version = metadata.resourceVersion;
  metadata.resourceVersion = "";
  const bytes = toBinary(kind.schema, resource);
  metadata.resourceVersion = version;
  const { id, name, labels } = metadata;
  return {
    tenant: org,
    kind: kind.options.kind,
    id,
    name,
    parent: kind.parent(resource),
    labels: { ...labels },
    indexed: kind.index.entriesOf(resource),
    bytes,
  };
}

/** The resource in a row, as clients see it. */
export function shownRow(kind: Kind, row: Row): Resource {
  return concealed(kind, fromRow(kind, row));
}

/** The resource in a row, with what is sealed in it. */
export function fromRow(kind: Kind, row: Row): Resource {
  const resource = fromBinary(kind.schema, row.bytes) as Resource;
  metadataOf(resource).resourceVersion = String(row.version);
  return resource;
}

/** The resource's metadata, made where absent. */
export function metadataOf(resource: Resource): NonNullable<Resource["metadata"]> {
  resource.metadata ??= create(ApiResourceMetadataSchema);
  return resource.metadata;
}

/** What a new resource gets from the backend. */
export type Birth = {
  readonly id: string;
  readonly org: string;
  readonly name: string;
  readonly subject: string;
  readonly now: number;
};

export function stampNew(kind: Kind, resource: Resource, birth: Birth): void {
  const metadata = metadataOf(resource);
  Object.assign(metadata, { id: birth.id, org: birth.org, name: birth.name, generateName: "", generation: 1n });
  Object.assign(metadata, { createdBy: birth.subject, createTime: timestampFromMs(birth.now) });
  stampTouched(kind, resource, birth);
}

/** What any write of a resource sets. */
export function stampTouched(
  kind: Kind,
  resource: Resource,
  by: { readonly subject: string; readonly now: number },
): void {
  resource.apiVersion = kind.apiVersion;
  resource.kind = kind.options.kind;
  Object.assign(metadataOf(resource), {
    updatedBy: by.subject,
    updateTime: timestampFromMs(by.now),
    resourceVersion: "",
  });
}
