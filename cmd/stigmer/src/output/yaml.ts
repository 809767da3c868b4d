import { Document, visit } from "yaml";
import { isPrintable, printableJson } from "./printable.ts";

/** A value as YAML 1.2. Nothing in it moves a cursor. */
export function formatYaml(value: unknown): string {
  const document = new Document(value, { version: "1.2", schema: "core", aliasDuplicateObjects: false });
  visit(document, {
    // Only between double quotes can a control character stand as an escape.
    Scalar: (_, node) => {
      if (typeof node.value !== "string" || isPrintable(node.value.replaceAll("\n", ""))) return;
      node.type = "QUOTE_DOUBLE";
    },
  });
  return printableJson(document.toString({ lineWidth: 0 }));
}
