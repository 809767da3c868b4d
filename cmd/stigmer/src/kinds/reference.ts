import type { JsonObject } from "@bufbuild/protobuf";
import { misused } from "../failure.ts";

/** How a command line names a resource: a name or an id, and where one is meant a revision or a tag. */
export type Reference = { readonly name: string; readonly revision: string };

const REVISION = /^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,62})$/;

/** Reads `my-agent`, `my-agent@v1` or `my-agent@sha256:…`. */
export function parseReference(word: string): Reference {
  const at = word.indexOf("@");
  if (at < 0) return { name: word, revision: "" };
  const [name, revision] = [word.slice(0, at), word.slice(at + 1)];
  if (name && REVISION.test(revision)) return { name, revision };
  const forms = "write name@tag or name@sha256: and 64 hexadecimal digits";
  throw misused(name ? `"${revision}" is no revision` : `"${word}" names no resource`, forms);
}

/** The fields of a reference in a request. */
export function referenceFields({ name, revision }: Reference): JsonObject {
  return { name, ...(revision && { revision }) };
}
