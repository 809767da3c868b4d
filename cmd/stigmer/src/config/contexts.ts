import { readFileSync } from "node:fs";
import type { Env } from "../deps.ts";
import { misused } from "../failure.ts";
import { nearest } from "../output/nearest.ts";
import type { Context } from "./context-settings.ts";

/** The context that means this machine's own daemon. */
export const LOCAL = "local";

/** The context of the name, or the chosen one of the settings; undefined where the local daemon is meant. */
export async function contextOf(
  configPath: string,
  of: { readonly asked: string | undefined; readonly env: Env },
): Promise<Context | undefined> {
  const asked = of.asked ?? (of.env.STIGMER_CONTEXT || undefined);
  if (asked === LOCAL) return undefined;
  // What reads YAML is large; most settings name no context, which their text shows.
  const text = textOf(configPath);
  if (asked === undefined && !/(^|[\s{,])["']?context["']?\s*:/.test(text)) return undefined;
  const { contextsIn } = await import("./context-settings.ts");
  const { chosen, contexts } = await contextsIn(configPath);
  const name = asked ?? chosen;
  if (name === undefined || name === LOCAL) return undefined;
  const found = contexts.find((context) => context.name === name);
  if (found) return found;
  throw unknownContext(name, contexts);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export function unknownContext(name: string, contexts: readonly Context[]): Error {
  const near = nearest(name, [LOCAL, ...contexts.map((context) => context.name)]);
  const next = near ? `did you mean ${near}?` : `make it: stigmer context set ${name} --url <url>`;
  return misused(`there is no context "${name}"`, next);
}
