import { misused } from "../failure.ts";

/** How results are written. */
export type Format = "table" | "wide" | "json" | "yaml" | "name" | "delimited";

const CHOICES = ["table", "wide", "json", "yaml", "name"] as const;

/** The format that `-o` names; without it a table on a terminal and tab-separated values in a pipe. */
export function formatOf(
  asked: string | undefined,
  options: { readonly isTTY: boolean; readonly allowed?: readonly Format[] },
): Format {
  if (asked === undefined) return options.isTTY ? "table" : "delimited";
  const allowed = CHOICES.filter((choice) => options.allowed?.includes(choice) ?? true);
  const format = allowed.find((choice) => choice === asked);
  if (format) return format;
  throw misused(`there is no output format "${asked}" here`, `use one of: ${allowed.join(", ")}`);
}
