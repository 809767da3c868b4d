import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  ApiResourceCommandController,
  ApiResourceQueryController,
  type ApplyRequestSchema,
  type ApplyResponse,
} from "@stigmer/contracts/commons";
import type { Context } from "./case.ts";
import type { Kind } from "./kinds.ts";
import type { Resource } from "./resource.ts";

type ApplyOptions = { readonly force?: boolean; readonly dryRun?: boolean } & {
  /** Who applies. */
  readonly manager?: string;
};

export type Applied = Omit<ApplyResponse, "resource"> & { readonly resource: Resource };

const { apply: applyMethod } = ApiResourceCommandController.method;
const { diff: diffMethod } = ApiResourceQueryController.method;

/** Applies a resource, which is removed after the case. */
export async function apply(
  context: Context,
  kind: Kind,
  resource: Message,
  { manager = "tester", ...flags }: ApplyOptions = {},
): Promise<Applied> {
  const request = { ...flags, resource: anyPack(kind.schema, resource) };
  const answer = await context.call(applyMethod, request, { headers: { "field-manager": manager } });
  const applied = unpack(kind, answer);
  if (!flags.dryRun) context.made(kind, applied.resource);
  return applied;
}

/** What an apply would do, asked of the query service. */
export async function diff(context: Context, kind: Kind, resource: Message, manager = "tester"): Promise<Applied> {
  const request = { resource: anyPack(kind.schema, resource) };
  return unpack(kind, await context.call(diffMethod, request, { headers: { "field-manager": manager } }));
}

/** Applies whatever is given. */
export function applyAny(context: Context, resource: MessageInitShape<typeof ApplyRequestSchema>["resource"]) {
  return context.call(applyMethod, resource ? { resource } : {});
}

function unpack(kind: Kind, answer: ApplyResponse): Applied {
  const resource = unpackAny(kind, answer.resource);
  return { ...answer, resource };
}

function unpackAny(kind: Kind, any: Any | undefined): Resource {
  const resource = any && anyUnpack(any, kind.schema);
  if (!resource) throw new Error("the answer to an apply holds no resource of the kind");
  return resource as Resource;
}

/** Paths that an apply says it changed. */
export function pathsOf({ diff }: Pick<Applied, "diff">): readonly string[] {
  return diff.map(({ path }) => path);
}
