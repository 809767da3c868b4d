import type { Message } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import type { Kind } from "../kind.ts";
import type { PipelineDeps } from "../pipeline.ts";
import { fromRow } from "../stored.ts";
import { requireById, requireByName } from "./objects.ts";

export async function getById(deps: PipelineDeps, kind: Kind, request: Message, call: Call): Promise<Message> {
  const { id } = request as Message & { id: string };
  return fromRow(kind, await requireById(deps.store, kind, { org: call.org, id }));
}

export async function getByReference(deps: PipelineDeps, kind: Kind, request: Message, call: Call): Promise<Message> {
  const { name } = request as Message & { name: string };
  return fromRow(kind, await requireByName(deps.store, kind, { org: call.org, name }));
}
