import { type DescMethod, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { method as methodOption, Verb } from "@stigmer/contracts/commons";
import type { Call } from "../call.ts";
import type { Handler } from "../handler.ts";
import type { Kind } from "../kind.ts";
import type { Pipeline } from "../pipeline.ts";
import { purgeVerb } from "../purge.ts";
import { writeVerbs } from "./commands.ts";
import { getById, getByReference } from "./get.ts";
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
  if (verb === Verb.WATCH) return { shape: "stream", method, run: watchVerb(deps, kind, method.output) };
  const commands = { ...writeVerbs(deps, pipeline, kind), ...removeVerbs(deps, pipeline, kind) };
  const table: Partial<Record<Verb, (request: Message, call: Call) => Promise<Message>>> = {
    [Verb.CREATE]: commands.create,
    [Verb.UPDATE]: commands.update,
    [Verb.DELETE]: commands.delete,
    [Verb.GET]: (request, call) => getById(deps, kind, request, call),
    [Verb.GET_BY_REFERENCE]: (request, call) => getByReference(deps, kind, request, call),
    [Verb.LIST]: listVerb(deps, kind),
    [Verb.UNDELETE]: commands.undelete,
    [Verb.PURGE]: purgeVerb(deps, pipeline, kind),
    [Verb.TAG]: tagVerb(deps, pipeline, kind),
  };
  const run = table[verb];
  if (!run) throw new Error(`${method.parent.typeName}/${method.name} names a verb that nothing serves`);
  return { shape: "unary", method, run };
}
