import { readdir, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/**
 * Writes one index per area of the contract into the folder of generated code, and `files`, the list of every file's
 * descriptor, and `rules`, what checks messages against the rules in them. An area is a folder below `ai/stigmer`; what gRPC defines itself (health, reflection) is the area `grpc`, and error details are the area `rpc`.
 */
async function writeIndexes(root: string): Promise<void> {
  const modules = await listModules(root);
  const areas = Map.groupBy(modules, areaOf);
  for (const [area, files] of areas) {
    const lines = files.map((file) => `export * from "./${file}.js";`).join("\n");
    await Promise.all([
      writeFile(join(root, `${area}.js`), `${lines}\n`),
      writeFile(join(root, `${area}.d.ts`), `${lines}\n`),
    ]);
  }
  await writeFileList(root, modules);
  await writeRules(root);
}

async function listModules(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true });
  return entries
    .filter((entry) => entry.endsWith("_pb.js"))
    .map((entry) => relative(root, join(root, entry)).split(sep).join("/").slice(0, -".js".length))
    .filter((entry) => !entry.startsWith("buf/"))
    .sort();
}

function areaOf(module: string): string {
  const [first = "", , area = ""] = module.split("/");
  return first === "ai" ? area : first === "google" ? "rpc" : first;
}

/** Descriptor constants are named `file_` and the file's path, as the generator names them. */
async function writeFileList(root: string, modules: readonly string[]): Promise<void> {
  const named = modules.map((module) => ({
    module,
    name: `file_${module.slice(0, -"_pb".length).replaceAll("/", "_")}`,
  }));
  const imports = named.map(({ module, name }) => `import { ${name} } from "./${module}.js";`).join("\n");
  const names = named.map(({ name }) => `  ${name},`).join("\n");
  await writeFile(join(root, "files.js"), `${imports}\n\nexport const files = [\n${names}\n];\n`);
  const types = `import type { DescFile } from "@bufbuild/protobuf";\n\n/** Every file of the contract, and gRPC's own health and reflection. */\nexport declare const files: readonly DescFile[];\n`;
  await writeFile(join(root, "files.d.ts"), types);
}

/** Rules are part of the contract, so whoever has the contract can check them. */
async function writeRules(root: string): Promise<void> {
  const line = 'export { createValidator } from "@bufbuild/protovalidate";\n';
  await Promise.all([writeFile(join(root, "rules.js"), line), writeFile(join(root, "rules.d.ts"), line)]);
}

const [root] = process.argv.slice(2);
if (!root) throw new Error("usage: contract-index.ts <folder of generated code>");
await writeIndexes(root);
