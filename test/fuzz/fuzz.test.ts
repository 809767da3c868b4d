import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const seconds = process.env.FUZZ_SECONDS || "60";

it(
  `finds nothing in ${seconds} s of random frames, messages, queries and manifests`,
  async () => {
    const env = { ...process.env, FUZZ_SECONDS: seconds, ONLY: "", REPLAY: "" };

    const { code, output } = await run(process.execPath, [join(import.meta.dirname, "fuzz.ts")], env);

    expect(code, output).toBe(0);
    expect(output).toMatch(/frames: \d{2,} inputs/);
  },
  20 * 60_000,
);

function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env, maxBuffer: 2 ** 26 }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, output: stdout + stderr }),
    );
  });
}
