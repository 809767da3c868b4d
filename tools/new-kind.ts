import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Contract, readContract } from "./contract.ts";
import { kindFiles } from "./new-kind/kind-files.ts";
import { type NewKind, shapeOf, type Taken } from "./new-kind/shape-of.ts";

/** Entries of the contracts' package that are no group of kinds. */
const NO_GROUP = new Set(["commons", "platform", "gateway", "capability", "grpc", "rpc", "files", "docs"]);

/**
 * Writes everything that a new kind costs: its protos, its registration and its example. Writes nothing where a name is
 * taken or one of the files is there. Does not generate; `make new-kind` does that afterwards.
 */
async function newKind(root: string, wish: NewKind): Promise<void> {
  const shape = shapeOf(wish, await whatIsTaken(root));
  const files = kindFiles(shape);
  for (const path of files.keys()) if (await exists(join(root, path))) throw new Error(`${path} is there already`);
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { flag: "wx" });
  }
  console.log(`the kind ${shape.kind} (${shape.plural}), whose ids begin with ${shape.idPrefix}_`);
  for (const path of files.keys()) console.log(`  ${path}`);
}

async function whatIsTaken(root: string): Promise<Taken> {
  const [contract, manifest] = await Promise.all([
    readContract(root),
    readFile(join(root, "packages/contracts/package.json"), "utf8"),
  ]);
  const { exports }: { readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(manifest);
  const groups = Object.keys(exports).map((entry) => entry.slice("./".length));
  const options = contract.kinds.map((kind) => kind.options);
  return {
    groups: groups.filter((group) => !NO_GROUP.has(group)),
    words: new Set(options.flatMap(({ kind, plural, shortNames = [] }) => [kind.toLowerCase(), plural, ...shortNames])),
    idPrefixes: new Set(options.map(({ idPrefix }) => idPrefix)),
    names: namesByGroup(contract),
  };
}

function namesByGroup({ files }: Contract): ReadonlyMap<string, ReadonlySet<string>> {
  const groups = Map.groupBy(files, ({ proto }) => proto.package.split(".")[2] ?? "");
  const named = [...groups].map(([group, members]) => {
    const parts = members.flatMap(({ messages, enums, services }) => [...messages, ...enums, ...services]);
    return [group, new Set(parts.map(({ name }) => name))] as const;
  });
  return new Map(named);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const [name = "", group = "agentic", idPrefix = ""] = process.argv.slice(2);
const wish = { name, group, ...(idPrefix === "" ? {} : { idPrefix }) };
await newKind(join(import.meta.dirname, ".."), wish).catch((cause) => {
  console.error(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
});
