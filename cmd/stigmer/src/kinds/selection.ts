import type { Command } from "commander";
import { countOf } from "../command-line.ts";
import type { Selection } from "./resources.ts";

/** What a user may write about which resources of a kind are meant. */
export type SelectionOptions = {
  readonly selector?: string;
  readonly filter?: string;
  readonly showDeleted?: boolean;
  readonly limit?: number;
  readonly watch?: boolean;
};

export function withSelection(command: Command): Command {
  return command
    .option(
      "-l, --selector <labels>",
      "only those with these labels, as Kubernetes writes it: team=a,env in (dev, test),!old",
    )
    .option(
      "--filter <expression>",
      "only those with these fields, as AIP-160 writes it: 'spec.model = \"ollama/qwen3\"'",
    );
}

export function withListing(command: Command): Command {
  return withSelection(command)
    .option("--show-deleted", "also those that are deleted and not purged yet")
    .option("--limit <n>", "at most so many; all unless told", countOf)
    .option("-w, --watch", "then go on showing changes, until Ctrl-C");
}

export function selectionOf({ selector, filter, showDeleted }: SelectionOptions): Selection {
  return { labelSelector: selector, filter, showDeleted };
}
