import { createRouterTransport } from "@connectrpc/connect";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { expect, it } from "vitest";
import { readBundledFolder } from "./src/bundled-files.ts";
import { type CaseRun, conformanceSuite, parseExamples } from "./src/suite.ts";

const PASSES = "gives each request an id of its own";
const FAILS = "says its version, its implementation and its limits";

it("passes what a backend does, and fails what it does not, in memory too", async () => {
  await expect(caseOf(PASSES).run()).resolves.toBeUndefined();
  await expect(caseOf(FAILS).run()).rejects.toThrow("SemVer");
});

it("takes a known failure for what it is, and fails where it passes", async () => {
  await expect(caseOf(FAILS, [FAILS]).run()).resolves.toBeUndefined();
  await expect(caseOf(PASSES, [PASSES]).run()).rejects.toThrow("stands among the known failures");
});

/** A case against a backend that says nothing of itself but who asked. */
function caseOf(name: string, known: readonly string[] = []): CaseRun {
  const transport = createRouterTransport(({ rpc }) => {
    rpc(ServerQueryController.method.getInfo, (_, { responseHeader }) => {
      responseHeader.set("x-request-id", crypto.randomUUID());
      return {};
    });
  });
  const { runs } = conformanceSuite({
    transport,
    claims: { claimed: [ServerQueryController.typeName] },
    examples: parseExamples(readBundledFolder("examples/resources")),
    knownFailures: known.map((listed) => ({ case: listed, reason: "told so" })),
  });
  const found = runs.find(({ body }) => body === name);
  if (!found) throw new Error(`there is no case "${name}"`);
  return found;
}
