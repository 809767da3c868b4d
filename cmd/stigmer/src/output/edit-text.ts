import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deps } from "../deps.ts";
import { failed } from "../failure.ts";

/**
 * Has the user change a text in the editor that VISUAL or EDITOR names, else vi. Returns what the file holds when the editor
 * ends; fails where it can't be started or ends badly. The file is the user's alone, and gone afterwards.
 */
export async function editText(
  deps: Pick<Deps, "processes" | "env" | "cwd">,
  { text, fileName }: { readonly text: string; readonly fileName: string },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "stigmer-edit-"));
  try {
    const file = join(folder, fileName);
    await writeFile(file, text, { mode: 0o600 });
    await runEditor(deps, file);
    return await readFile(file, "utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runEditor({ processes, env, cwd }: Pick<Deps, "processes" | "env" | "cwd">, file: string) {
  const editor = env.VISUAL || env.EDITOR || "vi";
  // Its value may hold options: `code --wait`.
  const command = [...editor.split(/\s+/).filter(Boolean), file];
  const code = await processes.run({ command, env, cwd }).catch((cause) => {
    throw failed(`the editor "${editor}" can't be started: ${cause.message}`, "name one: export EDITOR=nano");
  });
  if (code !== 0) throw failed(`the editor "${editor}" ended with ${code}`, "nothing was decided; try again");
}
