import { Document, visit } from "yaml";
import { isPrintable, printableJson } from "./printable.ts";

/** JSON for a program, indented for a person too. Nothing in it moves a cursor. */
export function formatJson(value: unknown): string {
  return `${printableJson(JSON.stringify(value, null, 2))}\n`;
}

/** JSON on one line, for streams of values. */
export function formatJsonLine(value: unknown): string {
  return `${printableJson(JSON.stringify(value))}\n`;
}

/** The same value as YAML 1.2. */
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
