import { createRegistry, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import { files } from "@stigmer/contracts/files";
import type { Kind, Method } from "./kind.ts";

/** Knows every message of the contract; for JSON of a message that holds one of any type. */
export const registry = createRegistry(...files);

/** The message that resources of a kind are. */
export function messageOf(kind: Pick<Kind, "typeName">): DescMessage {
  const message = registry.getMessage(kind.typeName);
  if (message) return message;
  throw new Error(`the contract has no message ${kind.typeName}`);
}

/** The descriptor of a method. */
export function methodOf({ path }: Pick<Method, "path">): DescMethod {
  const [, service = "", name = ""] = path.split("/");
  const method = registry.getService(service)?.methods.find((known) => known.name === name);
  if (method) return method;
  throw new Error(`the contract has no method ${path}`);
}
