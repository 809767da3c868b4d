import { getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { invalid } from "@stigmer/base";
import { field as fieldOption, Managed } from "@stigmer/contracts/commons";
import { childPath } from "../fields/shape.ts";
import type { Kind, Resource } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { clearOutputOnly } from "../validate.ts";

/** A resource that came packed, in the shape in which its rules hold. */
export type Unpacked = {
  readonly kind: Kind;
  readonly resource: Resource;
  /** Fields that only the backend sets, and that were taken out, as paths. */
  readonly ignored: readonly string[];
};

/** Unpacks and checks a resource that a user may make; refuses what is none with `KIND_UNKNOWN`. */
export function unpack(deps: PipelineDeps, packed: Any | undefined): Unpacked {
  const kind = kindOf(deps, packed);
  const resource = open(deps, packed);
  const ignored: string[] = [];
  collectOutputOnly(reflect(kind.schema, resource), "", ignored);
  clearOutputOnly(kind.schema, resource);
  deps.rules.check(kind.schema, resource);
  return { kind, resource, ignored: ignored.sort() };
}

function kindOf(deps: PipelineDeps, packed: Any | undefined): Kind {
  const typeName = packed?.typeUrl.split("/").at(-1) ?? "";
  const kind = deps.kinds.ofMessage(typeName);
  const refuse = (description: string): Error => invalid([{ field: "resource", description }], "KIND_UNKNOWN");
  if (!kind) throw refuse(`no kind has the message type "${typeName}"; listKinds says which there are`);
  if (kind.options.managed !== Managed.USER) throw refuse(`a ${kind.options.kind} can't be applied`);
  return kind;
}

function open(deps: PipelineDeps, packed: Any | undefined): Resource {
  let description = "is empty";
  try {
    const resource = packed && anyUnpack(packed, deps.kinds.registry);
    if (resource) return resource as Message as Resource;
  } catch {
    description = "is not a well-formed message of its type";
  }
  throw invalid([{ field: "resource", description }]);
}

/** Only what stands outside of lists and maps: there the backend sets nothing. */
function collectOutputOnly(message: ReflectMessage, path: string, found: string[]): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const at = childPath(path, field);
    if (hasOption(field, fieldOption) && getOption(field, fieldOption).outputOnly) found.push(at);
    else if (field.fieldKind === "message") collectOutputOnly(message.get(field) as ReflectMessage, at, found);
  }
}
