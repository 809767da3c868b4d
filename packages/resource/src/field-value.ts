import type { DescField, Message } from "@bufbuild/protobuf";

/** A field's value as the message holds it; undefined where a message, or a member of a `oneof`, is absent. */
export function fieldValue(message: Message, { localName, oneof }: DescField): unknown {
  const values = message as unknown as Record<string, unknown>;
  if (!oneof) return values[localName];
  const chosen = values[oneof.localName] as { readonly case?: string; readonly value?: unknown } | undefined;
  return chosen?.case === localName ? chosen.value : undefined;
}
