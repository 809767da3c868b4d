import type { DescMethod, DescMethodStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { Calls } from "./calls.ts";
import type { Claims } from "./claims.ts";
import { contractServices } from "./kinds.ts";
import type { Need } from "./needs.ts";

/** The methods of the contract's claimed services that take one request. */
export function claimedMethods(claims: Claims): readonly DescMethod[] {
  return contractServices
    .filter(({ typeName }) => claims.claimed.includes(typeName))
    .flatMap(({ methods }) => methods)
    .filter(({ methodKind }) => methodKind === "unary" || methodKind === "server_streaming");
}

/** `AgentQueryController.get`, as it stands in the names of cases. */
export function labelOf(method: DescMethod): string {
  return `${method.parent.name}.${method.name}`;
}

/** What a combination must offer for the method to be called. */
export function needsOf({ methodKind }: DescMethod): readonly Need[] {
  if (methodKind === "unary") return [];
  return methodKind === "server_streaming" ? ["stream"] : ["bidi"];
}

/** Calls a method of any shape; resolves to its answer, or to the first one. */
export async function ask(
  context: Calls,
  method: DescMethod,
  request: Message | Record<string, never>,
): Promise<unknown> {
  if (method.methodKind === "unary") return await context.call(method as DescMethodUnary, request);
  await using answers = context.open(method as DescMethodStreaming, request);
  return await answers.next();
}
