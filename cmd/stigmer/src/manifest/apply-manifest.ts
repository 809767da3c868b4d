import type { Message } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type Fault, isFault } from "@stigmer/base";
import type { Client } from "@stigmer/client";
import {
  ApiResourceCommandController,
  type ApiResourceMetadata,
  ApiResourceQueryController,
  type ApplyResponse,
} from "@stigmer/contracts/commons";
import type { Deps } from "../deps.ts";
import { explain } from "../explain.ts";
import { Failure } from "../failure.ts";
import { nameOf } from "../kinds/columns.ts";
import { messageOf } from "../kinds/registry.ts";
import type { Manifest } from "./manifest.ts";
import { formatProblem, placeOfPath } from "./place.ts";

export type Applying = {
  readonly manifest: Manifest;
  readonly force?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** Who sets the fields; the caller where it is not said. */
  readonly fieldManager?: string | undefined;
  /** Organization of resources that name none. */
  readonly org?: string | undefined;
};

/** Makes a resource be as its manifest says. */
export async function applyManifest(
  deps: Pick<Deps, "interrupt">,
  client: Client,
  { manifest, force = false, dryRun = false, fieldManager, org }: Applying,
): Promise<ApplyResponse> {
  const resource = packed(manifest, org);
  const call = { signal: deps.interrupt, ...headersOf(fieldManager) };
  return await client.service(ApiResourceCommandController).apply({ resource, force, dryRun }, call);
}

/** What an apply would change. */
export async function diffManifest(
  deps: Pick<Deps, "interrupt">,
  client: Client,
  { manifest, force = false, fieldManager, org }: Applying,
): Promise<ApplyResponse> {
  const resource = packed(manifest, org);
  const call = { signal: deps.interrupt, ...headersOf(fieldManager) };
  return await client.service(ApiResourceQueryController).diff({ resource, force }, call);
}

/** What the backend has against a manifest, with the places where it stands. */
export function explainFor(manifest: Manifest, error: unknown): Failure {
  const failure = explain(error);
  const start = manifest.places.get("");
  if (!isFault(error) || !start) return failure;
  if (error.reason === "FIELD_CONFLICT") return explainConflict(manifest, error);
  const [first, ...others] = error.violations.map(({ field, description }) =>
    formatProblem({ place: placeOfPath(manifest.places, field) ?? start, path: field, message: description }),
  );
  const name = nameOf(manifest.kind, manifest.resource);
  const message = first ?? formatProblem({ place: start, path: "", message: `${name}: ${failure.message}` });
  return new Failure(failure.exit, message, failure.next, { others, cause: error });
}

/** One line for each field that another manager owns. */
function explainConflict(manifest: Manifest, fault: Fault): Failure {
  const { path = "", manager = "another manager" } = fault.facts;
  const listed = fault.preconditions.map(({ subject, description }) => ({ path: subject, message: description }));
  const conflicts = listed.length > 0 ? listed : [{ path, message: `${manager} has set it` }];
  const start = manifest.places.get("") ?? { file: "", line: 1, column: 1 };
  const name = nameOf(manifest.kind, manifest.resource);
  const lines = conflicts.map((conflict) =>
    formatProblem({ ...conflict, place: placeOfPath(manifest.places, conflict.path) ?? start }),
  );
  const message = `${name} was not applied: ${conflicts.length === 1 ? "another manager owns a field" : `other managers own ${conflicts.length} fields`}`;
  return new Failure(explain(fault).exit, message, TAKE_OVER, { others: lines, cause: fault });
}

const TAKE_OVER = "take them over with --force, or leave them out of the manifest";

function packed({ kind, resource }: Manifest, org = ""): Any {
  const { metadata } = resource as Message & { readonly metadata?: ApiResourceMetadata };
  if (!org || !metadata || metadata.org) return anyPack(messageOf(kind), resource);
  const own = { ...resource, metadata: { ...metadata, org } };
  return anyPack(messageOf(kind), own);
}

function headersOf(fieldManager: string | undefined): { readonly headers?: Readonly<Record<string, string>> } {
  return fieldManager === undefined ? {} : { headers: { "field-manager": fieldManager } };
}
