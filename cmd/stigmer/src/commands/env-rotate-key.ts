import { EnvironmentCommandController, RotateKeyResponseSchema, SealingKeyPlace } from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";

const PLACES: Readonly<Record<number, string>> = {
  [SealingKeyPlace.KEYCHAIN]: "in the keychain",
  [SealingKeyPlace.FILE]: "in a key file",
};

/** Has the backend put a new master key in the place of the one in force. */
export async function rotateKey(deps: Deps, options: GlobalOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  await using backend = await openBackend(deps, options);
  const answer = await backend
    .client()
    .service(EnvironmentCommandController)
    .rotateKey({ org: backend.org }, { signal: deps.interrupt });
  if (format === "json" || format === "yaml") return await printMessage(deps, RotateKeyResponseSchema, answer, format);
  const { key, dataKeys } = answer;
  const where = PLACES[key?.place ?? 0] ?? "";
  await deps.stdout.write(`a new key seals secrets: ${key?.id ?? ""} ${where}; data keys wrapped anew: ${dataKeys}\n`);
}
