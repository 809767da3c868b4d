import { cp, mkdir, mkdtempDisposable, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { readContract } from "./contract.ts";
import { checkLifeCycle, lifeCycleTable, writeLifeCycle } from "./life-cycle-table.ts";

const ROOT = join(import.meta.dirname, "..");
const GUIDE = "docs/guide/executions.md";

it("has every phase of the contract, and every command that changes an execution", async () => {
  const { files } = await readContract(ROOT);
  const phases = files.flatMap(({ enums }) => enums).find(({ name }) => name === "ExecutionPhase");
  const service = files
    .flatMap(({ services }) => services)
    .find(({ name }) => name === "AgentExecutionCommandController");

  const [heading = "", , ...rows] = (await lifeCycleTable(ROOT)).split("\n");

  const named = (cell: string | undefined) => cell?.replaceAll("`", "").trim() ?? "";
  expect(rows.map((row) => named(row.split("|")[1]))).toEqual(
    phases?.values.map(({ localName }) => localName).filter((name) => name !== "UNSPECIFIED"),
  );
  expect(heading.split("|").slice(2, -1).map(named).sort()).toEqual(
    service?.methods
      .map(({ name }) => name)
      .filter((name) => !name.startsWith("create"))
      .sort(),
  );
});

it("stands in the guide as the code has it", async () => {
  expect((await checkLifeCycle(ROOT)).findings).toEqual([]);
});

it("is written anew where the guide is old, and nothing else there changes", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "life-cycle-"));
  const path = join(folder.path, GUIDE);
  await mkdir(dirname(path), { recursive: true });
  await cp(join(ROOT, GUIDE), path);
  await symlink(join(ROOT, "packages"), join(folder.path, "packages"));
  const right = await readFile(path, "utf8");
  await writeFile(path, right.replace(/^\| `PAUSED` \| `CANCELLED` .*\n/m, ""));

  const { findings } = await checkLifeCycle(folder.path);
  await writeLifeCycle(folder.path);

  expect(findings).toEqual([`${GUIDE}: the life cycle is not up to date; make gen-docs`]);
  expect(await readFile(path, "utf8")).toBe(right);
});

it("says where it belongs if the guide has no place for it", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "life-cycle-"));
  await mkdir(join(folder.path, dirname(GUIDE)), { recursive: true });
  await writeFile(join(folder.path, GUIDE), "# Executions\n");
  await symlink(join(ROOT, "packages"), join(folder.path, "packages"));

  await expect(checkLifeCycle(folder.path)).rejects.toThrow("has no place for the life cycle");
});
