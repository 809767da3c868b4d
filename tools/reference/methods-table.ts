import type { DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { prose, table } from "./markdown-text.ts";
import type { Page } from "./places.ts";
import { type Context, commentOf } from "./type-sections.ts";

/** A service's methods: what each does, takes, returns and needs. */
export function methodsTable(service: DescService, page: Page, context: Context): string {
  const rows = service.methods.map((method) => methodRow(method, page, context));
  return [
    `\`${service.typeName}\`: ${prose(commentOf(service.typeName, context))}`,
    table(["call", "what it does", "takes", "returns", "effect", "permission"], rows),
  ].join("\n\n");
}

function methodRow(method: DescMethod, page: Page, context: Context): readonly string[] {
  const { permission = "", resource, effect } = context.contract.methodOptions(method);
  const { clientStreaming, serverStreaming } = method.proto;
  const name = `${method.parent.typeName}.${method.name}`;
  const checkedOn = resource === undefined ? "the organization" : `\`${resource}\``;
  return [
    `\`${method.name}\``,
    prose(commentOf(name, context)),
    messageWords(method.input, clientStreaming, page, context),
    messageWords(method.output, serverStreaming, page, context),
    effect === "EFFECT_READ" ? "reads" : "writes",
    `\`${permission}\` on ${checkedOn}`,
  ];
}

function messageWords(message: DescMessage, isStream: boolean, page: Page, context: Context): string {
  const link = context.places.link(message.typeName, page);
  if (link === undefined) throw new Error(`no page describes ${message.typeName}`);
  return isStream ? `stream of ${link}` : link;
}
