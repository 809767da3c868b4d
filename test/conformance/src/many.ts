import type { JsonObject } from "@bufbuild/protobuf";
import type { Context } from "./case.ts";
import type { Kind } from "./kinds.ts";
import type { Resource } from "./resource.ts";

/** Makes as many resources as there are changes, one after the other. */
export async function makeEach(
  context: Context,
  kind: Kind,
  changes: readonly JsonObject[],
): Promise<readonly Resource[]> {
  const made: Resource[] = [];
  for (const change of changes) made.push(await context.kind(kind).create(await context.sample(kind, change)));
  return made;
}

/** Makes `count` resources that differ in their names alone. */
export function makeSome(context: Context, kind: Kind, count: number): Promise<readonly Resource[]> {
  return makeEach(context, kind, new Array<JsonObject>(count).fill({}));
}
