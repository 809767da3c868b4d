import { toJson } from "@bufbuild/protobuf";
import {
  CallRestartedSchema,
  ExecutionEventSchema,
  TextDeltaSchema,
  ToolCallProgressSchema,
} from "@stigmer/contracts/agentic";
import { registry } from "../kinds/registry.ts";
import type { Item } from "./cursor.ts";

/** An item as a program reads it: the contract's JSON, with an entry's event decoded. */
export function itemJson(item: Item): object {
  if (item.kind === "delta") return { delta: toJson(TextDeltaSchema, item.delta, { registry }) };
  if (item.kind === "restarted") return { restarted: toJson(CallRestartedSchema, item.restarted, { registry }) };
  if (item.kind === "progress") return { toolProgress: toJson(ToolCallProgressSchema, item.progress, { registry }) };
  return { sequence: String(item.sequence), event: toJson(ExecutionEventSchema, item.event, { registry }) };
}
