import { type Program, startProgram } from "../harness/programs.ts";
import { POSTGRES_MISSING, startPostgres } from "./postgres.ts";

export const DBOS = "dbos 5.3 on postgres";
export const DBOS_MISSING = POSTGRES_MISSING;

/** Starts Postgres, and a program with DBOS that works through jobs of lanes and tells how many steps ended; undefined where Postgres is not on the machine. */
export async function startDbos(resources: AsyncDisposableStack): Promise<Program | undefined> {
  const database = await startPostgres(resources);
  if (!database) return undefined;
  const program = resources.use(startProgram("peers/dbos-app.ts"));
  await program.ask({ database });
  return program;
}
