import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { has, type PreparedClient, prepareGo, preparePython } from "./clients/prepare.ts";
import { startDaemon } from "./harness.ts";

const SETUP_MS = 5 * 60_000;
const DOMAIN = "stigmer.ai";

const LANGUAGES = [
  { language: "Python", there: has("python3", "--version"), prepare: preparePython },
  { language: "Go", there: has("go", "version"), prepare: prepareGo },
];

describe.each(LANGUAGES)("a client in $language, generated from apis/ alone", ({ there, prepare }) => {
  it.skipIf(!there && !process.env.CI)(
    "creates, applies, lists, watches and reads typed errors",
    async () => {
      const client = await prepare();
      await using daemon = await startDaemon();

      const seen = await transcript(client, new URL(daemon.url).host);

      expect(seen).toEqual({
        created: { name: "poly", kind: "Agent", generation: 1 },
        applied: "ACTION_CREATED",
        listed: ["poly", "poly-applied"],
        watched: ["ADDED", "ADDED", "BOOKMARK", "ADDED", "DELETED"],
        taken: { code: "ALREADY_EXISTS", reasons: ["RESOURCE_EXISTS"], domains: [DOMAIN], fields: [] },
        invalid: {
          ...{ code: "INVALID_ARGUMENT", reasons: ["INVALID_REQUEST"], domains: [DOMAIN] },
          fields: ["metadata.name"],
        },
        missing: { code: "NOT_FOUND", reasons: ["RESOURCE_NOT_FOUND"], domains: [DOMAIN], fields: [] },
      });
    },
    SETUP_MS,
  );
});

async function transcript({ command, args, env }: PreparedClient, target: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(command, [...args, target, "poly"], { env, timeout: 60_000 });
  return JSON.parse(stdout);
}
