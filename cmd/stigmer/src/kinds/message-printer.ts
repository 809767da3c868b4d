import { type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import type { Deps } from "../deps.ts";
import { printJson } from "../output/print-json.ts";
import { registry } from "./registry.ts";

/** Writes a message as the contract's JSON, or the same as YAML. */
export async function printMessage(
  deps: Pick<Deps, "stdout">,
  schema: DescMessage,
  message: Message,
  format: "json" | "yaml",
): Promise<void> {
  await printJson(deps, toJson(schema, message, { registry }), format);
}
