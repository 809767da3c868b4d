import type { Clock } from "@stigmer/base";
import { AgentQueryController, McpServerQueryController } from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let later = 0;
const clock: Clock = { now: () => Date.now() + later, monotonic: () => performance.now() };

let daemon: TestDaemon;
let token: string;
const SELECTION = { labelSelector: "!absent", filter: "metadata.name:*" };
const list = (request: object = {}) => daemon.client.service(AgentQueryController).list({ ...SELECTION, ...request });

beforeAll(async () => {
  daemon = await startTestDaemon({ clock });
  for (const name of ["a", "b", "c"]) await createAgent(daemon.client, { name });
  for (const name of ["a", "b"]) await createServer(daemon.client, name);
  token = (await list({ pageSize: 1 })).nextPageToken;
});
afterAll(() => daemon[Symbol.asyncDispose]());

describe("a page token", () => {
  it("goes on where the page before ended, with another size too, and after a restart", async () => {
    await daemon.stop();
    await daemon.start();

    const { items, nextPageToken } = await list({ pageToken: token, pageSize: 5 });

    expect(items.map(({ metadata }) => metadata?.name)).toEqual(["b", "c"]);
    expect(nextPageToken).toBe("");
  });

  it("is refused where it was forged, cut off or written in another way", async () => {
    const bytes = Buffer.from(token, "base64url");
    const flipped = [0, 1, 16, 17, 24, bytes.length - 1].map((at) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      return copy.toString("base64url");
    });
    const cut = [1, 4, token.length - 1].map((length) => token.slice(0, length));
    const forged = [...flipped, ...cut, `${token}A`, `${token}=`, ` ${token}`, "rubbish", "\0", token.repeat(2)];

    const faults = await Promise.all(forged.map((pageToken) => refused(list({ pageToken }))));

    for (const fault of faults) {
      const violations = [{ field: "pageToken" }];
      expect(fault).toMatchObject({ kind: "invalid", reason: "PAGE_TOKEN_INVALID", violations });
    }
  });

  it("is refused with other arguments than it was made for", async () => {
    const others = [{ labelSelector: "" }, { filter: "" }, { filter: "metadata.name:* " }, { showDeleted: true }];
    const asked = others.map((request) => list({ ...request, pageToken: token }));
    const servers = daemon.client.service(McpServerQueryController).list({ ...SELECTION, pageToken: token });

    const faults = await Promise.all([...asked, servers].map(refused));

    for (const fault of faults) expect(fault).toMatchObject({ reason: "PAGE_TOKEN_INVALID" });
  });

  it("is refused from another backend, whose key is another", async () => {
    await using other = await startTestDaemon();

    const fault = await refused(other.client.service(AgentQueryController).list({ ...SELECTION, pageToken: token }));

    expect(fault.reason).toBe("PAGE_TOKEN_INVALID");
  });

  it("is refused where a watch's token is meant, and the other way round", async () => {
    const { resumeToken } = await list();

    expect((await refused(list({ pageToken: resumeToken }))).reason).toBe("PAGE_TOKEN_INVALID");
    const watch = daemon.client.service(AgentQueryController).watch({ ...SELECTION, resumeToken: token });
    expect((await refused(watch[Symbol.asyncIterator]().next())).reason).toBe("WATCH_TOKEN_INVALID");
  });

  it("is good for three days", async () => {
    later = 3 * DAY_MS - 60_000;
    expect((await list({ pageToken: token })).items).toHaveLength(2);

    later = 3 * DAY_MS + 60_000;
    const fault = await refused(list({ pageToken: token }));

    expect(fault).toMatchObject({ reason: "PAGE_TOKEN_INVALID", violations: [{ field: "pageToken" }] });
  });
});
