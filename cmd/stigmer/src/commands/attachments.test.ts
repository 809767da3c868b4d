import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { type AgentExecution, ExecutionPhase } from "@stigmer/contracts/agentic";
import { BlobCommandController } from "@stigmer/contracts/platform";
import { beforeEach, expect, it } from "vitest";
import { createBackend, EXECUTION_ID, type FakeBackend, journalOf, refusal } from "../backend.fake.ts";
import { createWorld, URL_OF_BACKEND, type World } from "../deps.fake.ts";
import { serveBlobs } from "../skill/skill-backend.fake.ts";

const MIB = 1024 * 1024;

let backend: FakeBackend;
let store: { readonly blobs: Map<string, Buffer>; sent: number };
let world: World;
beforeEach(async () => {
  const journal = journalOf({ event: { case: "phaseChanged", value: { phase: ExecutionPhase.SUCCEEDED } } });
  backend = createBackend({ journal });
  store = { blobs: new Map(), sent: 0 };
  world = await createWorld({
    backends: {
      [URL_OF_BACKEND]: (router) => {
        backend.routes(router);
        serveBlobs(router, store);
      },
    },
    env: { STIGMER_URL: URL_OF_BACKEND },
    isTTY: true,
  });
});

it("sends files along with a message", async () => {
  writeFileSync(join(world.home, "photo.png"), "not really");
  writeFileSync(join(world.home, "notes.txt"), "hello");

  const exit = await world.run("agent", "execute", "a1", "look", "--attach", "photo.png", "--attach", "notes.txt");

  expect([exit, (backend.requests[0] as AgentExecution).spec?.attachments]).toMatchObject([
    0,
    [
      { name: "photo.png", mediaType: "image/png", digest: digestOf("not really"), size: 10n },
      { name: "notes.txt", mediaType: "text/plain", digest: digestOf("hello"), size: 5n },
    ],
  ]);
  expect(store.blobs.get(digestOf("hello"))?.toString()).toBe("hello");
});

it("goes on where a file was cut off, and says how far it is", async () => {
  const bytes = Buffer.alloc(6 * MIB, "x");
  writeFileSync(join(world.home, "large.txt"), bytes);
  store.blobs.set(digestOf(bytes), bytes.subarray(0, 4 * MIB));

  await world.run("agent", "execute", "a1", "look", "--attach", "large.txt");

  expect(store.sent).toBe(2 * MIB);
  expect(world.stderr()).toContain("\rsending large.txt: 66 %\rsending large.txt: 83 %");
});

it("refuses what is no file, and starts nothing", async () => {
  mkdirSync(join(world.home, "folder"));

  const codes = [
    await world.run("agent", "execute", "a1", "look", "--attach", "folder"),
    await world.run("agent", "execute", "a1", "look", "--attach", "nowhere"),
    await world.run("agent", "execute", "a1", "look", ...Array.from({ length: 65 }, () => ["--attach", "x"]).flat()),
  ];

  expect(codes).toEqual([2, 2, 2]);
  expect(world.stderr()).toMatch(/folder: is no file.*nowhere: no such file.*65 files are attached/s);
  expect(backend.requests).toEqual([]);
});

it("says of a file that the backend does not take what is wrong with it", async () => {
  world.backends[URL_OF_BACKEND] = (router) => {
    backend.routes(router);
    router.service(BlobCommandController, {
      append: () => {
        throw refusal(Code.InvalidArgument, "INVALID_REQUEST", { fields: { size: "must be at most 100" } });
      },
    });
  };
  writeFileSync(join(world.home, "large"), "x");

  expect(await world.run("agent", "execute", "a1", "look", "--attach", "large")).toBe(2);

  expect(world.stderr()).toContain("large: its size must be at most 100");
});

it("shows what an execution's tools returned", async () => {
  backend.execution = { status: { artifacts: [artifact("chart.png", "image")] } };

  await world.run("execution", "artifacts", EXECUTION_ID);
  await world.run("execution", "artifacts", EXECUTION_ID, "-o", "json");

  expect(world.stdout()).toMatch(/NAME\s+TYPE\s+BYTES\s+DIGEST\nchart.png\s+image\/png\s+5/);
  expect(world.stdout()).toContain(`"digest": "${digestOf("image")}"`);
});

it("writes them into a folder, replaces nothing, and makes every name tame", async () => {
  const names = ["chart.png", "chart.png", "../up", ".bashrc", "..", "a\u001bb"];
  backend.execution = { status: { artifacts: names.map((name, at) => artifact(name, `content ${at}`)) } };
  mkdirSync(join(world.home, "out"));
  writeFileSync(join(world.home, "out/chart.png"), "mine");

  expect(await world.run("execution", "artifacts", EXECUTION_ID, "--save", "out")).toBe(0);

  const found = readdirSync(join(world.home, "out")).sort();
  expect(found).toEqual(["_", "__up", "_bashrc", "a_b", "chart-2.png", "chart-3.png", "chart.png"].sort());
  expect(readFileSync(join(world.home, "out/chart.png"), "utf8")).toBe("mine");
  expect(readFileSync(join(world.home, "out/chart-3.png"), "utf8")).toBe("content 1");
});

it("keeps nothing of one whose content is not what its digest says", async () => {
  const damaged = artifact("chart.png", "image");
  backend.execution = { status: { artifacts: [damaged] } };
  store.blobs.set(damaged.digest, Buffer.from("wrong"));

  expect(await world.run("execution", "artifacts", EXECUTION_ID, "--save", "out")).toBe(1);

  expect(world.stderr()).toContain("is damaged");
  expect(readdirSync(join(world.home, "out"))).toEqual([]);
});

function artifact(name: string, content: string) {
  const digest = digestOf(content);
  store.blobs.set(digest, Buffer.from(content));
  return { name, mediaType: "image/png", digest, size: BigInt(content.length) };
}

function digestOf(content: string | Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
