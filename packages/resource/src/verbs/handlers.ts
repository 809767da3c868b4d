import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { method as methodOption, Verb } from "@stigmer/contracts/commons";
import type { Handler } from "../handler.ts";
import type { Kind } from "../kind.ts";
import type { Pipeline } from "../pipeline.ts";
import { purgeVerb } from "../purge.ts";
import { type Verb as Command, writeVerbs } from "./commands.ts";
import { getByReferenceVerb, getVerb, type Read } from "./get.ts";
import { listVerb } from "./list.ts";
import { type RemoveDeps, removeVerbs } from "./remove.ts";
import { tagVerb } from "./tag.ts";
import { watchVerb } from "./watch.ts";

/** Handlers for every method of every kind whose descriptor names a verb. */
export function verbHandlers(deps: RemoveDeps, pipeline: Pipeline): readonly Handler[] {
  return deps.kinds.all.flatMap((kind) =>
    kind.services.flatMap((service) =>
      service.methods
        .filter((method) => verbOf(method) !== Verb.UNSPECIFIED)
        .map((method) => handlerOf(deps, pipeline, { kind, method })),
    ),
  );
}

/** The generic verb of a method; `UNSPECIFIED` where a named handler serves it. */
export function verbOf(method: DescMethod): Verb {
  return hasOption(method, methodOption) ? getOption(method, methodOption).verb : Verb.UNSPECIFIED;
}

function handlerOf(
  deps: RemoveDeps,
  pipeline: Pipeline,
  of: { readonly kind: Kind; readonly method: DescMethod },
): Handler {
  const { kind, method } = of;
  const verb = verbOf(method);
  if (verb === Verb.WATCH) return { shape: "stream", method, ...watchVerb(deps, kind, method.output) };
  const reads: Partial<Record<Verb, () => Read>> = {
    [Verb.GET]: () => getVerb(deps, kind),
    [Verb.GET_BY_REFERENCE]: () => getByReferenceVerb(deps, kind),
    [Verb.LIST]: () => listVerb(deps, { kind, output: method.output }),
  };
  const commands: Partial<Record<Verb, () => Command>> = {
    [Verb.CREATE]: () => writeVerbs(deps, pipeline, kind).create,
    [Verb.UPDATE]: () => writeVerbs(deps, pipeline, kind).update,
    [Verb.DELETE]: () => removeVerbs(deps, pipeline, kind).delete,
    [Verb.UNDELETE]: () => removeVerbs(deps, pipeline, kind).undelete,
    [Verb.PURGE]: () => purgeVerb(deps, pipeline, kind),
    [Verb.TAG]: () => tagVerb(deps, pipeline, kind),
  };
  const read = reads[verb]?.();
  if (read) return { shape: "unary", method, ...read };
  const run = commands[verb]?.();
  if (!run) throw new Error(`${method.parent.typeName}/${method.name} names a verb that nothing serves`);
  return { shape: "unary", method, run };
}
