import { failed } from "../failure.ts";
import { allSettings, type ConfigDocument, getSetting, readConfig } from "./file.ts";

/** A named backend. */
export type Context = { readonly name: string; readonly url: string; readonly org: string };

export type Contexts = { readonly chosen: string | undefined; readonly contexts: readonly Context[] };

/** The named backends of the settings. Refuses a setting of theirs that nothing reads. */
export async function contextsIn(configPath: string): Promise<Contexts> {
  return contextsOf(await readConfig(configPath), configPath);
}

function contextsOf(document: ConfigDocument, configPath: string): Contexts {
  const names = new Set<string>();
  for (const [key] of allSettings(document)) {
    const [first, name = "", field = "", ...rest] = key.split(".");
    if (first !== "contexts") continue;
    if (!["url", "org"].includes(field) || rest.length > 0) {
      throw failed(`${configPath}: ${key} is no setting; a context has url and org`, "correct the file");
    }
    names.add(name);
  }
  const text = (path: readonly string[]): string => {
    const value = getSetting(document, path);
    return typeof value === "string" ? value : "";
  };
  const contexts = [...names].map((name) => ({
    name,
    url: text(["contexts", name, "url"]),
    org: text(["contexts", name, "org"]),
  }));
  return { chosen: text(["context"]) || undefined, contexts };
}
