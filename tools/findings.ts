/** What a check found, one line each, and one line that says how much it looked at. */
export type Findings = { readonly findings: readonly string[]; readonly looked: string };

/** Prints what a check found and how much it looked at; makes the process fail where it found something. */
export async function closeCheck(name: string, check: Promise<Findings>): Promise<void> {
  try {
    const { findings, looked } = await check;
    for (const finding of findings) console.error(finding);
    console.log(`${name}: ${looked}, ${findings.length === 0 ? "nothing found" : `${findings.length} found`}`);
    if (findings.length > 0) process.exitCode = 1;
  } catch (cause) {
    console.error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    process.exitCode = 1;
  }
}
