import type { Client } from "@stigmer/client";
import {
  AgentCommandController,
  AgentQueryController,
  McpServerCommandController,
  McpServerQueryController,
  SessionCommandController,
  SessionQueryController,
} from "@stigmer/contracts/agentic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { createAgent, createServer, idOf, versionOf } from "./resources.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

type Stored = {
  readonly metadata: {
    readonly id: string;
    readonly name: string;
    readonly org: string;
    readonly resourceVersion: string;
    readonly generation: bigint;
    readonly createdBy: string;
    readonly displayName: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: object;
};
type Page = { readonly items: readonly Stored[]; readonly nextPageToken: string; readonly resourceVersion: string };

/** What the services of every kind that users make have in common. */
type Verbs = {
  create(resource: object): Promise<Stored>;
  update(resource: object): Promise<Stored>;
  delete(request: object): Promise<Stored>;
  get(request: object): Promise<Stored>;
  getByReference(request: object): Promise<Stored>;
  list(request: object): Promise<Page>;
};

const KINDS = [
  {
    kind: "Agent",
    prefix: "agt",
    services: [AgentCommandController, AgentQueryController],
    spec: { instructions: "help" },
  },
  {
    kind: "McpServer",
    prefix: "mcp",
    services: [McpServerCommandController, McpServerQueryController],
    spec: { transport: { case: "stdio", value: { command: "server" } } },
  },
  {
    kind: "Session",
    prefix: "ses",
    services: [SessionCommandController, SessionQueryController],
    spec: { agent: "host", workspace: "/tmp" },
  },
] as const;

let daemon: TestDaemon;
let names = 0;
const freshName = (): string => `made-${++names}`;

beforeAll(async () => {
  daemon = await startTestDaemon();
  await createAgent(daemon.client, { name: "host" });
});
afterAll(() => daemon[Symbol.asyncDispose]());

describe.each(KINDS)("$kind", ({ kind, prefix, services, spec }) => {
  const verbs = (): Verbs => verbsOf(daemon.client, services);
  const make = (metadata: object = {}): Promise<Stored> =>
    verbs().create({ metadata: { name: freshName(), ...metadata }, spec });

  it("is stored with what the backend knows about it", async () => {
    const name = freshName();

    const made = await verbs().create({ metadata: { name, labels: { team: "a" } }, spec });

    expect(made.metadata).toMatchObject({ name, org: "local", generation: 1n, createdBy: "tester" });
    expect(made.metadata.id).toMatch(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`));
    expect(await verbs().get({ id: made.metadata.id })).toEqual(made);
    expect(await verbs().getByReference({ name })).toEqual(made);
    expect(await verbs().getByReference({ org: "local", name })).toEqual(made);
  });

  it("refuses a name that is taken", async () => {
    const { metadata } = await make();

    const fault = await refused(verbs().create({ metadata: { name: metadata.name }, spec }));

    expect(fault).toMatchObject({ kind: "exists", reason: "RESOURCE_EXISTS", facts: { kind, name: metadata.name } });
  });

  it("gets a name from a prefix", async () => {
    const { metadata } = await verbs().create({ metadata: { generateName: "gen-" }, spec });

    expect(metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
  });

  it("is not found under another id, another name or in another organization", async () => {
    const { metadata } = await make();
    const asked = [
      verbs().get({ id: `${prefix}_0` }),
      verbs().getByReference({ name: "absent" }),
      verbs().getByReference({ name: metadata.name, org: "elsewhere" }),
      verbs().list({ org: "elsewhere" }),
      verbs().create({ metadata: { name: freshName(), org: "elsewhere" }, spec }),
      verbs().update({ metadata: { ...metadata, org: "elsewhere" }, spec }),
    ];

    const faults = await Promise.all(asked.map(refused));

    for (const fault of faults) expect(fault).toMatchObject({ kind: "notFound", reason: "RESOURCE_NOT_FOUND" });
  });

  it("is updated from the version that was read", async () => {
    const made = await make();

    const updated = await verbs().update({ metadata: { ...made.metadata, displayName: "New" }, spec });

    expect(updated.metadata.displayName).toBe("New");
    expect(updated.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
    expect(await verbs().get({ id: made.metadata.id })).toEqual(updated);
  });

  it("is not updated without a version, nor from one that is over", async () => {
    const made = await make();
    const moved = await verbs().update({ metadata: { ...made.metadata, displayName: "New" }, spec });

    const unsaid = await refused(verbs().update({ metadata: { name: made.metadata.name }, spec }));
    const stale = await refused(verbs().update({ metadata: { ...made.metadata, displayName: "Old" }, spec }));

    expect(unsaid).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "metadata.resourceVersion" }] });
    const versions = { current: versionOf(moved), sent: versionOf(made) };
    expect(stale).toMatchObject({ kind: "conflict", reason: "VERSION_MOVED", facts: versions });
  });

  it("stays as it is where an update changes nothing", async () => {
    const made = await make();

    const same = await verbs().update({ metadata: { ...made.metadata }, spec });

    expect(same).toEqual(made);
  });

  it("is removed, by its version where one is given", async () => {
    const { metadata } = await make();

    const stale = await refused(verbs().delete({ id: metadata.id, resourceVersion: "1" }));
    const last = await verbs().delete({ id: metadata.id, resourceVersion: metadata.resourceVersion });

    expect(stale.reason).toBe("VERSION_MOVED");
    expect(last.metadata.id).toBe(metadata.id);
    expect((await refused(verbs().delete({ id: metadata.id }))).reason).toBe("RESOURCE_DELETED");
    expect((await refused(verbs().getByReference({ name: metadata.name }))).reason).toBe("RESOURCE_NOT_FOUND");
  });

  it("does not take what only the backend sets", async () => {
    const forged = { id: "forged", generation: 99n, createdBy: "forged", updatedBy: "forged", createTime: {} };

    const { metadata } = await make(forged);

    expect(metadata).toMatchObject({ generation: 1n, createdBy: "tester", updatedBy: "tester" });
    expect(metadata.id).not.toBe("forged");
  });

  it("is listed page by page in the order in which it was made", async () => {
    const made: string[] = [];
    for (let count = 0; count < 5; count++) made.push(idOf(await make()));

    const listed: string[] = [];
    let pageToken = "";
    do {
      const page = await verbs().list({ pageSize: 2, pageToken });
      expect(page.items.length).toBeLessThanOrEqual(2);
      listed.push(...page.items.map(idOf));
      pageToken = page.nextPageToken;
    } while (pageToken);

    expect(listed).toEqual([...listed].sort());
    expect(listed.slice(-5)).toEqual(made);
  });

  it("is not listed with a page that is too large or a token that this query did not make", async () => {
    await make();
    await make();
    const { nextPageToken } = await verbs().list({ pageSize: 1 });
    const other = KINDS.find((one) => one.kind !== kind) ?? KINDS[0];
    const asked = [
      verbs().list({ pageToken: "rubbish" }),
      verbs().list({ pageToken: `${nextPageToken}A` }),
      verbsOf(daemon.client, other.services).list({ pageToken: nextPageToken }),
    ];

    const tokens = await Promise.all(asked.map(refused));
    const sizes = await Promise.all([-1, 1001].map((pageSize) => refused(verbs().list({ pageSize }))));

    for (const fault of tokens)
      expect(fault).toMatchObject({ reason: "PAGE_TOKEN_INVALID", violations: [{ field: "pageToken" }] });
    for (const fault of sizes)
      expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "pageSize" }] });
  });
});

describe("a generation", () => {
  it("moves with the spec and with nothing else", async () => {
    const agents = daemon.client.service(AgentCommandController);
    const made = await createAgent(daemon.client, { name: freshName() });
    const metadata = { name: made.metadata?.name ?? "" };

    const named = await agents.update({
      metadata: { ...metadata, resourceVersion: versionOf(made), displayName: "x" },
      spec: { instructions: "help" },
    });
    const told = await agents.update({
      metadata: { ...metadata, resourceVersion: versionOf(named) },
      spec: { instructions: "help more" },
    });

    expect([made, named, told].map((agent) => agent.metadata?.generation)).toEqual([1n, 1n, 2n]);
    expect(named.status?.revision).toBe(made.status?.revision);
    expect(told.status?.revision).not.toBe(made.status?.revision);
  });
});

describe("a name", () => {
  it.each([
    ["is empty", ""],
    ["is longer than 63 characters", "a".repeat(64)],
    ["begins with a digit", "1a"],
    ["ends with a hyphen", "a-"],
    ["has capitals", "Agent"],
    ["has a dot", "a.b"],
    ["holds NUL", "a\0b"],
    ["ends with a new line", "agent\n"],
    ["has Cyrillic letters that look Latin", "аgent"],
    ["has letters of full width", "ａgent"],
    ["has a combining accent", "e\u0301tude"],
    ["has a character that can't be seen", "a\u200bgent"],
  ])("is refused where it %s", async (_, name) => {
    const fault = await refused(createAgent(daemon.client, { name }));

    expect(fault).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
    expect(fault.violations.map(({ field }) => field)).toContain("metadata.name");
  });

  it("may have 63 characters", async () => {
    const { metadata } = await createAgent(daemon.client, { name: "a".repeat(63) });

    expect(metadata?.name).toHaveLength(63);
  });
});

describe("text for people", () => {
  it("comes back as it was given, in any script", async () => {
    const displayName = "Ölbaum 橄欖 🫒 e\u0301 \u202e";
    const agents = daemon.client.service(AgentCommandController);

    const made = await agents.create({
      metadata: { name: freshName(), displayName, annotations: { "x/y": "\0\ufffe" } },
      spec: { instructions: displayName },
    });

    const stored = await daemon.client.service(AgentQueryController).get({ id: idOf(made) });
    expect(stored).toMatchObject({ metadata: { displayName, annotations: { "x/y": "\0\ufffe" } } });
    expect(stored.spec?.instructions).toBe(displayName);
  });

  it("is refused where it is too long, one violation per field", async () => {
    const agents = daemon.client.service(AgentCommandController);
    const long = "x".repeat(1025);

    const fault = await refused(
      agents.create({
        metadata: { name: freshName(), displayName: long, labels: { "not a key": "a", fine: "not a value" } },
        spec: { instructions: "", description: long, model: "no-provider", maxTurns: 1001 },
      }),
    );

    expect(fault.violations.map(({ field }) => field).sort()).toEqual([
      "metadata.displayName",
      'metadata.labels["fine"]',
      'metadata.labels["not a key"]',
      "spec.description",
      "spec.instructions",
      "spec.maxTurns",
      "spec.model",
    ]);
  });
});

describe("a reference", () => {
  it("to what does not exist is refused with the path of its field", async () => {
    const name = freshName();
    await createServer(daemon.client, name);

    const agent = await refused(createAgent(daemon.client, { name: freshName(), servers: [name, "absent"] }));
    const session = await refused(
      daemon.client.service(SessionCommandController).create({ metadata: { name }, spec: { agent: "absent" } }),
    );

    expect(agent).toMatchObject({
      kind: "invalid",
      reason: "REFERENCE_NOT_FOUND",
      violations: [{ field: "spec.mcpServers[1].name" }],
    });
    expect(session).toMatchObject({ reason: "REFERENCE_NOT_FOUND", violations: [{ field: "spec.agent" }] });
  });

  it("that is said to be a name is not taken for an id", async () => {
    const server = await createServer(daemon.client, freshName());

    const fault = await refused(createAgent(daemon.client, { name: freshName(), servers: [idOf(server)] }));

    expect(fault.reason).toBe("REFERENCE_NOT_FOUND");
  });
});

describe("a session", () => {
  it("keeps its agent and its workspace", async () => {
    const sessions = daemon.client.service(SessionCommandController);
    await createAgent(daemon.client, { name: "other" });
    const made = await sessions.create({ metadata: { name: freshName() }, spec: { agent: "host", workspace: "/a" } });
    const metadata = { name: made.metadata?.name ?? "", resourceVersion: versionOf(made) };

    const faults = [
      await refused(sessions.update({ metadata, spec: { agent: "other", workspace: "/b" } })),
      await refused(sessions.update({ metadata, spec: { agent: "host" } })),
    ];

    for (const { reason } of faults) expect(reason).toBe("FIELD_IMMUTABLE");
    expect(faults.map(({ violations }) => violations.map(({ field }) => field))).toEqual([
      ["spec.agent", "spec.workspace"],
      ["spec.workspace"],
    ]);
  });

  it("refuses a workspace that is no absolute path", async () => {
    const sessions = daemon.client.service(SessionCommandController);

    const fault = await refused(
      sessions.create({ metadata: { name: freshName() }, spec: { agent: "host", workspace: "here" } }),
    );

    expect(fault).toMatchObject({ reason: "INVALID_REQUEST", violations: [{ field: "spec.workspace" }] });
  });
});

function verbsOf(client: Client, [commands, queries]: (typeof KINDS)[number]["services"]): Verbs {
  return { ...client.service(commands), ...client.service(queries) } as unknown as Verbs;
}
