import { printableJson } from "./printable.ts";

/** JSON for a program, indented for a person too. Nothing in it moves a cursor. */
export function formatJson(value: unknown): string {
  return `${printableJson(JSON.stringify(value, null, 2))}\n`;
}

/** JSON on one line, for streams of values. */
export function formatJsonLine(value: unknown): string {
  return `${printableJson(JSON.stringify(value))}\n`;
}
