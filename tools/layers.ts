import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What one package may lean on: its row of the table in `docs/design/house.md`. */
export type Row = {
  /** Packages of ours; `gateway/port` allows that one entry of `gateway`. */
  readonly may: readonly string[];
  readonly external?: readonly string[];
  /** What only its tests may lean on, ours or not, beside what every package's tests may. */
  readonly tests?: readonly string[];
  /** Runs in a browser: the whole package, or what can be reached from the entries named. */
  readonly browser?: true | readonly string[];
  /** The most source files it may have, tests and index apart. */
  readonly files?: number;
};

export type Layers = Readonly<Record<string, Row>>;

const WORDS = new Set(["may", "external", "tests", "browser", "files"]);

/** Reads the table. A word that no check knows is refused, as it would promise a check that is not made. */
export async function readLayers(root: string, path: string): Promise<Layers> {
  const table: Layers = JSON.parse(await readFile(join(root, path), "utf8"));
  for (const [key, row] of Object.entries(table)) {
    const unknown = Object.keys(row).find((word) => !WORDS.has(word));
    if (unknown !== undefined) throw new Error(`${path}: ${key}: nothing checks "${unknown}"`);
    const stranger = row.may.find((name) => !(splitEntry(name, table).key in table));
    if (stranger !== undefined) throw new Error(`${path}: ${key}: no row for "${stranger}"`);
  }
  return table;
}

/** Splits `base/faults` into the package and its entry, `./faults`; a whole package has no entry. */
export function splitEntry(name: string, table: Layers): { readonly key: string; readonly entry?: string } {
  const slash = name.lastIndexOf("/");
  if (name in table || slash < 0) return { key: name };
  return { key: name.slice(0, slash), entry: `.${name.slice(slash)}` };
}
