import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../harness.ts";

/** A client that can be run: `command ...args <host:port> <name>`. */
export type PreparedClient = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
};

/** Everything is made and kept here. */
const CACHE = join(ROOT, ".gen/clients");
const HERE = import.meta.dirname;
/** What protoc's own packages bring, and what the clients do not call. */
const PROTOS = [
  ...globSync("apis/**/*.proto", { cwd: ROOT }),
  ...globSync(".gen/protos/buf/**/*.proto", { cwd: ROOT }),
].sort();

/** Whether the machine has a language's own program. */
export function has(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args).status === 0;
}

/** Installs grpcio into a virtual environment and generates the modules; once for each contract and set of versions. */
export async function preparePython(): Promise<PreparedClient> {
  const [venv, gen] = [join(CACHE, "python/venv"), join(CACHE, "python/gen")];
  const python = join(venv, "bin/python");
  const requirements = join(HERE, "python/requirements.txt");
  await once("python/venv", [requirements], async () => {
    rmSync(venv, { recursive: true, force: true });
    await run("python3", ["-m", "venv", venv]);
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  });
  await once("python/gen", [requirements, ...PROTOS.map((file) => join(ROOT, file))], async () => {
    rmSync(gen, { recursive: true, force: true });
    mkdirSync(gen, { recursive: true });
    const out = ["-I", "apis", "-I", ".gen/protos", `--python_out=${gen}`, `--grpc_python_out=${gen}`];
    await run(python, ["-m", "grpc_tools.protoc", ...out, ...PROTOS.map(importPath)]);
  });
  return { command: python, args: [join(HERE, "python/client.py")], env: { ...process.env, PYTHONPATH: gen } };
}

/** Builds the generators, generates the packages and builds the client, all with the Go that is there. */
export async function prepareGo(): Promise<PreparedClient> {
  const source = join(HERE, "go");
  const [work, bin] = [join(CACHE, "go/src"), join(CACHE, "go/bin")];
  const env = goEnv(bin);
  const files = ["go.mod", "go.sum", "main.go", "tools.go", "buf.gen.yaml"].map((name) => join(source, name));
  await once("go", [...files, ...PROTOS.map((file) => join(ROOT, file))], async () => {
    rmSync(work, { recursive: true, force: true });
    cpSync(source, work, { recursive: true });
    const plugins = ["google.golang.org/protobuf/cmd/protoc-gen-go", "google.golang.org/grpc/cmd/protoc-gen-go-grpc"];
    await run("go", ["build", "-o", `${bin}/`, ...plugins], { cwd: work, env });
    const buf = join(ROOT, "node_modules/.bin/buf");
    await run(buf, ["generate", "apis", "--template", join(work, "buf.gen.yaml"), "-o", work], { env });
    await run("go", ["build", "-o", join(bin, "client"), "."], { cwd: work, env });
  });
  return { command: join(bin, "client"), args: [], env };
}

/** Nothing outside of the cache is written, and no other Go is fetched. */
function goEnv(bin: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    GOPATH: join(CACHE, "go/path"),
    GOCACHE: join(CACHE, "go/cache"),
    GOFLAGS: "-modcacherw -buildvcs=false",
    GOTOOLCHAIN: "local",
    CGO_ENABLED: "0", // so that no C compiler is needed
    PATH: [bin, join(ROOT, "node_modules/.bin"), process.env.PATH].join(delimiter),
  };
}

/** Runs `make` unless it was run for files that held the same. */
async function once(name: string, files: readonly string[], make: () => Promise<void>): Promise<void> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file));
  const [digest, stamp] = [hash.digest("hex"), join(CACHE, `${name}.stamp`)];
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  mkdirSync(join(stamp, ".."), { recursive: true });
  await make();
  writeFileSync(stamp, digest);
}

function importPath(file: string): string {
  return file.replace(/^(apis|\.gen\/protos)\//, "");
}

async function run(program: string, args: readonly string[], options: object = {}): Promise<void> {
  await promisify(execFile)(program, [...args], { cwd: ROOT, maxBuffer: 16 * 1024 * 1024, ...options });
}
