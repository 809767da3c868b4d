import { open, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { type DiffLine, diffLines } from "../output/line-diff.ts";

/** What a call of a tool will do to a file, as far as its arguments and the file say. */
export type FileChange = { readonly path: string; readonly isNew: boolean; readonly lines: readonly DiffLine[] };

type Edit = { readonly oldText: string; readonly newText: string };
type Write = { readonly path: string; readonly content?: string; readonly edits?: readonly Edit[] };

const MAX_BYTES = 1024 * 1024;

/**
 * Reads the arguments of a call that writes a file, as the standard filesystem server takes them: `path` and `content`, or `path`
 * and `edits`. Undefined for any other call. Files outside of the workspace are not read: of those the arguments alone are shown.
 */
export async function fileChangeOf(args: string, workspace: string): Promise<FileChange | undefined> {
  const write = writeOf(args);
  if (!write) return undefined;
  const before = workspace ? await contentOf(workspace, write.path) : undefined;
  const { path, content, edits = [] } = write;
  if (content !== undefined) {
    return { path, isNew: before === "", lines: diffLines(before ?? "", content) };
  }
  const after = before === undefined ? undefined : edited(before, edits);
  const lines = after === undefined ? edits.flatMap(editLines) : diffLines(before ?? "", after);
  return { path, isNew: false, lines };
}

function writeOf(args: string): Write | undefined {
  const value = parse(args);
  if (typeof value !== "object" || value === null) return undefined;
  const { path, content, edits, dryRun } = value as Readonly<Record<string, unknown>>;
  if (typeof path !== "string" || path === "" || dryRun === true) return undefined;
  if (typeof content === "string") return { path, content };
  return Array.isArray(edits) && edits.length > 0 && edits.every(isEdit) ? { path, edits } : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isEdit(value: unknown): value is Edit {
  if (typeof value !== "object" || value === null) return false;
  const { oldText, newText } = value as Readonly<Record<string, unknown>>;
  return typeof oldText === "string" && typeof newText === "string";
}

/** What a file of the workspace says; empty where there is none yet, undefined where it can't or must not be read. */
async function contentOf(workspace: string, path: string): Promise<string | undefined> {
  try {
    const root = await realpath(workspace);
    const file = resolve(root, path);
    const folder = await realpath(dirname(file));
    if (!isBelow(root, folder)) return undefined;
    const real = await realpath(join(folder, basename(file))).catch(missing);
    if (real === undefined) return "";
    if (!isBelow(root, real)) return undefined;
    const info = await stat(real);
    return info.isFile() && info.size <= MAX_BYTES ? await readBounded(real) : undefined;
  } catch {
    return undefined;
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  await using file = await open(path, "r");
  const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
  if (bytesRead > MAX_BYTES) return undefined;
  return new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, bytesRead));
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** The text with all edits made; undefined where one does not fit, as the server then looks for something similar. */
function edited(text: string, edits: readonly Edit[]): string | undefined {
  let after = text.replaceAll("\r\n", "\n");
  for (const { oldText, newText } of edits) {
    const at = after.indexOf(oldText);
    if (at < 0) return undefined;
    after = after.slice(0, at) + newText + after.slice(at + oldText.length);
  }
  return after;
}

function editLines({ oldText, newText }: Edit, at: number): DiffLine[] {
  const lines = diffLines(oldText, newText);
  return at > 0 ? [{ kind: "gap", text: "" }, ...lines] : [...lines];
}
