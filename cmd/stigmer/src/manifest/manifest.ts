import { fromJson, type JsonObject, type Message } from "@bufbuild/protobuf";
import { isMap, isScalar, type Node, type YAMLMap } from "yaml";
import type { Kind } from "../kinds/kinds.ts";
import { messageOf, registry } from "../kinds/registry.ts";
import { nearest } from "../output/nearest.ts";
import { decodeMessage } from "./decode-message.ts";
import type { ParsedDocument } from "./documents.ts";
import type { Place, Problem } from "./place.ts";

/** A resource that the user wrote, and where each of its fields stands. */
export type Manifest = {
  readonly kind: Kind;
  readonly resource: Message;
  /** By path; the empty path is the document. */
  readonly places: ReadonlyMap<string, Place>;
};

export type Understood =
  | { readonly manifest: Manifest; readonly problems: readonly [] }
  | { readonly manifest?: undefined; readonly problems: readonly Problem[] };

/** Understands a document as a resource of one of the kinds; names everything that is wrong with it at once. */
export function understand(document: ParsedDocument, kinds: readonly Kind[]): Understood {
  const contents = document.resolve(document.contents);
  if (!isMap(contents))
    return refuse(document.placeOf(contents), "", "a manifest is a map of apiVersion, kind, metadata and spec");
  const envelope = { document, contents, kinds };
  const kind = kindOf(envelope);
  if ("problems" in kind) return kind;
  const { json, places, problems } = decodeMessage(document, messageOf(kind), contents);
  if (problems.length > 0) return { problems };
  return build(kind, json, places);
}

type Envelope = {
  readonly document: ParsedDocument;
  readonly contents: YAMLMap;
  readonly kinds: readonly Kind[];
};

function kindOf(envelope: Envelope): Kind | Understood {
  const { document, contents, kinds } = envelope;
  const at = document.placeOf(contents);
  const { name, value: word } = textOf(envelope, ["kind"]) ?? {};
  if (!name) return refuse(at, "kind", `is required; one of ${applicable(kinds).join(", ")}`);
  const place = document.placeOf(name);
  const kind = kinds.find((known) => known.kind === word);
  if (!kind) {
    const near = nearest(word ?? "", applicable(kinds));
    return refuse(
      place,
      "kind",
      `there is no kind "${word}"; ${near ? `did you mean ${near}?` : `known kinds: ${applicable(kinds).join(", ")}`}`,
    );
  }
  if (kind.managed !== "USER")
    return refuse(place, "kind", `resources of the kind ${word} can't be applied; ${makerOf(kind)}`);
  const version = textOf(envelope, ["apiVersion", "api_version"]);
  if (!version || version.value === kind.apiVersion) return kind;
  return refuse(document.placeOf(version.name), "apiVersion", `must be ${kind.apiVersion} for the kind ${word}`);
}

function makerOf({ managed }: Kind): string {
  return managed === "START_ONLY" ? "a user starts them, as stigmer --help shows" : "the system makes them";
}

function build(kind: Kind, json: JsonObject, places: ReadonlyMap<string, Place>): Understood {
  const complete = { apiVersion: kind.apiVersion, ...json };
  try {
    return { manifest: { kind, resource: fromJson(messageOf(kind), complete, { registry }), places }, problems: [] };
  } catch (error) {
    const place = places.get("") ?? { file: "", line: 1, column: 1 };
    return refuse(place, "", error instanceof Error ? error.message : String(error));
  }
}

/** The text of a field of the envelope; undefined where it is absent or no text, which decoding reports. */
function textOf(
  { document, contents }: Envelope,
  names: readonly string[],
): { readonly name: Node; readonly value: string } | undefined {
  for (const { key, value } of contents.items) {
    if (!isScalar(key) || !names.includes(String(key.value))) continue;
    const node = document.resolve(value as Node);
    if (isScalar(node) && typeof node.value === "string") return { name: node, value: node.value };
  }
  return undefined;
}

function applicable(kinds: readonly Kind[]): string[] {
  return kinds.filter(({ managed }) => managed === "USER").map(({ kind }) => kind);
}

function refuse(place: Place, path: string, message: string): Understood {
  return { problems: [{ place, path, message }] };
}
