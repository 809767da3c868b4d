import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { fromJson } from "@bufbuild/protobuf";
import { readBlobPieces } from "@stigmer/client";
import { type AgentExecution, AgentExecutionSchema, type Attachment } from "@stigmer/contracts/agentic";
import { type Backend, openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { findExecution } from "../execution/find-execution.ts";
import { failed } from "../failure.ts";
import { registry } from "../kinds/registry.ts";
import { formatOf } from "../output/format.ts";
import { printJson } from "../output/print-json.ts";
import { printableLine } from "../output/printable.ts";
import { formatDelimited, formatTable } from "../output/table.ts";
import { writeNewFile } from "../output/write-files.ts";

export type ArtifactsOptions = GlobalOptions & { readonly name: string; readonly save?: string };

/** Shows the images and files that an execution's tools returned, the oldest first; with `--save` writes them into a folder. */
export async function artifacts(deps: Deps, options: ArtifactsOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  await using backend = await openBackend(deps, options);
  const { resource } = await findExecution(deps, backend.client(), options.name);
  const { status }: AgentExecution = fromJson(AgentExecutionSchema, resource as never, { registry });
  const found = status?.artifacts ?? [];
  const files = options.save === undefined ? [] : await saveAll(deps, backend, { found, folder: options.save });
  const rows = found.map(({ name, mediaType, size, digest }, at) => ({
    ...{ name, mediaType, size: String(size), digest },
    ...(options.save !== undefined && { file: files[at] ?? "" }),
  }));
  if (format === "json" || format === "yaml") return await printJson(deps, { items: rows }, format);
  const cells = rows.map((row) => Object.values(row));
  if (format === "delimited") return await deps.stdout.write(cells.map(formatDelimited).join(""));
  if (rows.length === 0) return await deps.stderr.write("its tools have returned no files\n");
  const headings = ["name", "type", "bytes", "digest", ...(options.save === undefined ? [] : ["saved as"])];
  await deps.stdout.write(formatTable(headings, cells, deps.stdout.columns));
}

type Saving = { readonly found: readonly Attachment[]; readonly folder: string };

async function saveAll(deps: Deps, backend: Backend, { found, folder }: Saving): Promise<readonly string[]> {
  const target = resolve(deps.cwd, folder);
  await mkdir(target, { recursive: true });
  const files: string[] = [];
  for (const artifact of found) files.push(await save(deps, backend, { artifact, folder: target }));
  return files;
}

const MOST_TRIES = 1_000;

/** Under its own name, or with a number where there is such a file: nothing is ever replaced. */
async function save(
  deps: Deps,
  backend: Backend,
  { artifact, folder }: { readonly artifact: Attachment; readonly folder: string },
): Promise<string> {
  const name = tameName(artifact.name);
  for (let count = 1; count <= MOST_TRIES; count++) {
    const file = count === 1 ? name : numbered(name, count);
    try {
      await writeNewFile(folder, file, contentOf(deps, backend, artifact));
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw failed(`${folder}: holds ${printableLine(name)} too often`, "name another folder");
}

/** Tools choose these names, so none may hide, or be a path, or be what a shell reads when it starts. */
function tameName(name: string): string {
  return name.replace(/[/\\:\p{Cc}]/gu, "_").replace(/^[.\s]+/, "_") || "_";
}

function numbered(name: string, count: number): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)}-${count}${name.slice(dot)}` : `${name}-${count}`;
}

async function* contentOf(deps: Deps, backend: Backend, artifact: Attachment): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  const read = { org: backend.org, signal: deps.interrupt, maxBytes: Number(artifact.size) };
  for await (const piece of readBlobPieces(backend.client(), artifact.digest, read)) {
    hash.update(piece);
    yield piece;
  }
  if (`sha256:${hash.digest("hex")}` === artifact.digest) return;
  throw failed(`the content of ${printableLine(artifact.name)} is damaged`, "nothing of it was kept");
}
