import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { failed } from "../failure.ts";

/** The settings of `config.yaml`, with the user's comments and order. */
export type ConfigDocument = Document;

/** Reads the settings; a file that is not there is empty. Refuses one that is not YAML, saying where. */
export async function readConfig(path: string): Promise<ConfigDocument> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw failed(`can't read ${path}: ${error.code ?? error.message}`, "check the file's permissions");
  });
  return parseConfig(text, path);
}

function parseConfig(text: string, path: string): ConfigDocument {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, version: "1.2", schema: "core" });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw failed(`${path}:${line}:${col}: ${error.message}`, "correct the file, or remove it to begin anew");
  }
  if (
    document.contents &&
    !isMap(document.contents) &&
    !(isScalar(document.contents) && document.contents.value === null)
  ) {
    throw failed(`${path}: is not a list of settings`, "correct the file, or remove it to begin anew");
  }
  return document;
}

export function getSetting(document: ConfigDocument, path: readonly string[]): unknown {
  return isMap(document.contents) ? document.getIn(path) : undefined;
}

/** Changes one setting in place; everything else stays as it was written. */
export function setSetting(document: ConfigDocument, path: readonly string[], value: string | number | boolean): void {
  if (!isMap(document.contents)) document.contents = document.createNode({});
  clearScalars(document, path);
  document.setIn(path, value);
}

/** Removes one setting, and the folders of settings that it leaves empty. Says whether it was there. */
export function unsetSetting(document: ConfigDocument, path: readonly string[]): boolean {
  if (!isMap(document.contents) || !document.hasIn(path)) return false;
  document.deleteIn(path);
  for (let length = path.length - 1; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length));
    if (isMap(parent) && parent.items.length === 0) document.deleteIn(path.slice(0, length));
  }
  return true;
}

/** Every setting that holds a value, in the file's order. */
export function allSettings(document: ConfigDocument): readonly (readonly [key: string, value: unknown])[] {
  return flatten("", document.toJS({ maxAliasCount: 100 }));
}

/** Replaces the file in one step, readable by its owner only. */
export async function writeConfig(path: string, document: ConfigDocument): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(document.toString());
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    const reason = error instanceof Error && "code" in error ? error.code : error;
    throw failed(`can't write ${path}: ${reason}`, "check the folder's permissions and free space");
  }
}

/** A scalar where a map must stand, as in `providers:` without a value, would refuse the change. */
function clearScalars(document: ConfigDocument, path: readonly string[]): void {
  for (let length = 1; length < path.length; length++) {
    const at = path.slice(0, length);
    // Set, not removed: the comments belong to the entry.
    if (document.hasIn(at) && !isMap(document.getIn(at))) document.setIn(at, document.createNode({}));
  }
}

function flatten(at: string, value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return at && value !== null ? [[at, value]] : [];
  return Object.entries(value).flatMap(([key, inside]) => flatten(at ? `${at}.${key}` : key, inside));
}
