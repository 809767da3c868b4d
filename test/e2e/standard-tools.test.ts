import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { stigmer } from "./cli.ts";
import { ROOT, startDaemon } from "./harness.ts";

const run = promisify(execFile);
const BUF = join(ROOT, "node_modules/.bin/buf");
const AGENTS = "ai.stigmer.agentic.agent.v1";

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

it.skipIf(!hasCurl)("answers buf curl by reflection and curl with JSON on the port that the CLI uses", async () => {
  await using daemon = await startDaemon();
  const agent = (name: string) => JSON.stringify({ metadata: { name }, spec: { instructions: "You help." } });
  const post = ["-sS", "--fail-with-body", "-X", "POST", "-H", "content-type: application/json", "-d"];

  for (const protocol of ["grpc", "connect"]) {
    const url = `${daemon.url}/${AGENTS}.AgentCommandController/create`;
    await run(BUF, ["curl", "--http2-prior-knowledge", "--protocol", protocol, "-d", agent(`by-${protocol}`), url]);
  }
  await run("curl", [...post, agent("by-curl"), `${daemon.url}/${AGENTS}.AgentCommandController/create`]);
  const byBuf = await run(BUF, [
    "curl",
    "--http2-prior-knowledge",
    "--protocol",
    "grpc",
    "-d",
    "{}",
    `${daemon.url}/${AGENTS}.AgentQueryController/list`,
  ]);
  const byCurl = await run("curl", [...post, "{}", `${daemon.url}/${AGENTS}.AgentQueryController/list`]);
  const byCli = await stigmer(["list", "agents", "-o", "name", "--url", daemon.url], {
    home: mkdtempSync(join(tmpdir(), "stigmer-")),
  });

  const names = ["by-grpc", "by-connect", "by-curl"];
  const namesIn = (text: string) =>
    JSON.parse(text).items.map((item: { metadata: { name: string } }) => item.metadata.name);
  expect(namesIn(byBuf.stdout)).toEqual(names);
  expect(namesIn(byCurl.stdout)).toEqual(names);
  expect(byCli.stdout.trim().split("\n")).toEqual(names.map((name) => `agent/${name}`));
});
