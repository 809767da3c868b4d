import type { Message } from "@bufbuild/protobuf";
import type { ApiResourceMetadata, WatchEventType } from "@stigmer/contracts/commons";

/** A resource of any kind. */
export type Resource = Message & {
  apiVersion: string;
  kind: string;
  metadata?: ApiResourceMetadata;
  spec?: Message & Record<string, unknown>;
  status?: Message & Record<string, unknown>;
};

export type ResourceList = Message & {
  readonly items: readonly Resource[];
  readonly nextPageToken: string;
  readonly resourceVersion: string;
  readonly resumeToken: string;
};

export type ResourceEvent = Message & {
  readonly type: WatchEventType;
  readonly object?: Resource;
  readonly resumeToken: string;
};

/** The metadata, which every resource that a backend sends has. */
export function metadataOf(resource: Resource | undefined): ApiResourceMetadata {
  if (!resource?.metadata) throw new Error("a resource came without metadata");
  return resource.metadata;
}

export function idOf(resource: Resource | undefined): string {
  return metadataOf(resource).id;
}

export function nameOf(resource: Resource | undefined): string {
  return metadataOf(resource).name;
}
