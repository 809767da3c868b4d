import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type Environment,
  EnvironmentCommandController,
  EnvironmentQueryController,
  EnvironmentSchema,
  SealingKeyPlace,
} from "@stigmer/contracts/agentic";
import {
  ApiResourceCommandController,
  ApiResourceQueryController,
  ApplyResponse_Action,
} from "@stigmer/contracts/commons";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refused } from "./refused.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

const SECRET = "s3cret-value-of-the-test";
let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await startTestDaemon();
});
afterEach(() => daemon[Symbol.asyncDispose]());

const commands = () => daemon.client.service(EnvironmentCommandController);
const queries = () => daemon.client.service(EnvironmentQueryController);
const specOf = (value: string, more: object = {}) => ({ secrets: [{ name: "TOKEN", value, ...more }] });
const make = (name = "e", value = SECRET) => commands().create({ metadata: { name }, spec: specOf(value) });
const revisionOf = ({ status }: Environment): string => status?.revision ?? "";

async function apply(
  name: string,
  spec: object,
  options: { readonly manager?: string; readonly dryRun?: boolean } = {},
) {
  const resource = anyPack(EnvironmentSchema, create(EnvironmentSchema, { metadata: { name }, spec }));
  const headers = { "field-manager": options.manager ?? "ops" };
  const { dryRun = false } = options;
  return await daemon.client.service(ApiResourceCommandController).apply({ resource, dryRun }, { headers });
}

async function diff(name: string, spec: object) {
  const resource = anyPack(EnvironmentSchema, create(EnvironmentSchema, { metadata: { name }, spec }));
  const headers = { "field-manager": "ops" };
  return await daemon.client.service(ApiResourceQueryController).diff({ resource }, { headers });
}

/** Every byte of the home folder. */
function bytesOfHome(): Buffer {
  const files = readdirSync(daemon.home, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
}

describe("a secret", () => {
  it("is returned by nothing, under one name or another", async () => {
    const made = await make();
    const id = made.metadata?.id ?? "";
    const list = await queries().list({});
    const answers = [
      made,
      await queries().get({ id }),
      await queries().getByReference({ name: "e" }),
      await queries().getByReference({ name: "e", revision: revisionOf(made) }),
      list,
      await commands().tag({ id, tag: "v1" }),
      await apply("e", specOf(`${SECRET}2`), { manager: "tester", dryRun: true }),
      await apply("e", specOf(`${SECRET}2`), { manager: "tester" }),
      await daemon.client.service(ApiResourceQueryController).diff({
        resource: anyPack(
          EnvironmentSchema,
          create(EnvironmentSchema, { metadata: { name: "e" }, spec: specOf("3-3-3-3-3") }),
        ),
        force: true,
      }),
      await queries().getByReference({ name: "e", revision: revisionOf(made) }),
      await daemon.client.service(ApiResourceQueryController).search({ query: "e" }),
      await commands().delete({ id }),
      await commands().undelete({ id }),
    ];

    const text = answers.map((answer) =>
      JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    );
    const packed = answers.flatMap((answer) =>
      "resource" in answer && answer.resource ? [Buffer.from(answer.resource.value)] : [],
    );
    const all = `${text.join("\n")}${Buffer.concat(packed).toString("latin1")}`;
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain("sealed:v1:");
    expect(list.items[0]?.spec?.secrets).toMatchObject([{ name: "TOKEN", value: "" }]);
    expect(list.items[0]?.status?.secrets).toMatchObject([{ name: "TOKEN" }]);
  });

  it("stands in no watch", async () => {
    await make();
    const seen: Environment[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { object } of queries().watch({ sendInitial: true }, { signal: stop.signal })) {
        if (object) seen.push(object);
        if (seen.length === 2) return;
      }
    })();
    await make("f");
    await watching;
    stop.abort();

    expect(seen.map(({ spec }) => spec?.secrets[0]?.value)).toEqual(["", ""]);
  });

  it("is in no file, not in the answers that repeated commands get either", async () => {
    const headers = { "idempotency-key": "k1" };
    const request = { metadata: { name: "e" }, spec: specOf(SECRET) };
    const first = await commands().create(request, { headers });
    const again = await commands().create(request, { headers });

    expect(again.metadata?.id).toBe(first.metadata?.id);
    expect(again.spec?.secrets[0]?.value).toBe("");
    expect(bytesOfHome().includes(SECRET)).toBe(false);
    expect(JSON.stringify(daemon.log)).not.toContain(SECRET);
  });

  it("keeps its value where an update or an apply leaves it out", async () => {
    const made = await make();
    const update = { metadata: made.metadata, spec: { description: "more", secrets: [{ name: "TOKEN" }] } };
    const updated = await commands().update(update as never);
    await apply("e", specOf(SECRET), { manager: "a" });
    await apply("e", { secrets: [{ name: "TOKEN" }] }, { manager: "a" });
    const now = await queries().getByReference({ name: "e" });

    expect(updated.status?.secrets[0]?.updateTime).toEqual(made.status?.secrets[0]?.updateTime);
    expect(now.status?.secrets[0]?.updateTime).toEqual(made.status?.secrets[0]?.updateTime);
    expect(now.spec?.secrets).toHaveLength(1);
  });

  it("changes nothing where the same value is applied again, and says that it changed without showing it", async () => {
    await apply("e", specOf(SECRET));
    const same = await apply("e", specOf(SECRET));
    const other = await apply("e", specOf(`${SECRET}2`));

    expect(same.diff).toEqual([]);
    expect(other.diff).toMatchObject([{ path: 'spec.secrets[name="TOKEN"].value', sensitive: true }]);
    expect(other.diff[0]?.after).toBeUndefined();
  });

  it.each([
    ["a diff", (value: string) => diff("e", specOf(value))],
    ["a dry run", (value: string) => apply("e", specOf(value), { dryRun: true })],
  ])("is confirmed by no guess in %s: the right one is a change like a wrong one", async (_, ask) => {
    await apply("e", specOf(SECRET));
    const before = await queries().getByReference({ name: "e" });

    const answers = [await ask(SECRET), await ask(`${SECRET}2`)];
    const [right, wrong] = answers.map(({ action, diff }) => [action, diff.map(({ path }) => path)]);

    expect(right).toEqual(wrong);
    expect(right?.[0]).toBe(ApplyResponse_Action.UPDATED);
    expect(answers[0]?.diff).toContainEqual(expect.objectContaining({ path: 'spec.secrets[name="TOKEN"].value' }));
    expect(await queries().getByReference({ name: "e" })).toEqual(before);
    expect((await apply("e", specOf(SECRET))).action).toBe(ApplyResponse_Action.UNCHANGED);
  });

  it("belongs to who applied it: another manager's value is a conflict that shows none", async () => {
    await apply("e", specOf(SECRET), { manager: "a" });

    const refusal = await refused(apply("e", specOf(`${SECRET}2`), { manager: "b" }));

    expect(refusal.reason).toBe("FIELD_CONFLICT");
    expect(JSON.stringify({ ...refusal, message: refusal.message })).not.toContain(SECRET);
    await expect(apply("e", specOf(SECRET), { manager: "b" })).resolves.toBeDefined();
  });

  it("makes another revision with another value, and the same with the same", async () => {
    const made = await make();
    await apply("e", specOf(`${SECRET}2`), { manager: "x" }).catch(() => undefined);
    const forced = anyPack(
      EnvironmentSchema,
      create(EnvironmentSchema, { metadata: { name: "e" }, spec: specOf("another-value") }),
    );
    const { resource } = await daemon.client
      .service(ApiResourceCommandController)
      .apply({ resource: forced, force: true });
    const other = resource && anyUnpack(resource, EnvironmentSchema);

    expect(revisionOf(made)).toMatch(/^sha256:/);
    expect(other && revisionOf(other)).not.toBe(revisionOf(made));
  });

  it.each([
    ["fewer than 8 bytes", specOf("short77")],
    ["no value when it is new", specOf("")],
    ["the name of a variable", { ...specOf(SECRET), variables: { TOKEN: "x" } }],
  ])("is refused with %s", async (_, spec) => {
    const refusal = await refused(commands().create({ metadata: { name: "e" }, spec }));

    expect(refusal.kind).toBe("invalid");
    expect(refusal.message).not.toContain("short77");
  });

  it("of fewer than 8 bytes is taken by force", async () => {
    const made = await commands().create({ metadata: { name: "e" }, spec: specOf("short77", { forceShort: true }) });

    expect(made.status?.secrets).toMatchObject([{ name: "TOKEN" }]);
  });

  it("that looks like a sealed one is sealed like any other", async () => {
    const forged = "sealed:v1:AAAA:BBBB";
    await make("e", forged);

    expect(bytesOfHome().includes(forged)).toBe(false);
  });
});

describe("the sealing key", () => {
  const keyFile = (): string => {
    const folder = join(daemon.home, "keys");
    return join(folder, readdirSync(folder)[0] ?? "");
  };

  it.each([
    ["diff", () => diff("e", specOf(SECRET))],
    ["dry run", () => apply("e", specOf(SECRET), { dryRun: true })],
  ])("is not made by a %s", async (_, ask) => {
    const { action } = await ask();

    expect(action).toBe(ApplyResponse_Action.CREATED);
    expect(await queries().getSealingKey({})).toMatchObject({ place: SealingKeyPlace.UNSPECIFIED });
    expect(existsSync(join(daemon.home, "keys")) ? readdirSync(join(daemon.home, "keys")) : []).toEqual([]);
  });

  it("is made at first use, for its owner only", async () => {
    expect(await queries().getSealingKey({})).toMatchObject({ place: SealingKeyPlace.UNSPECIFIED, available: true });
    await make();

    expect(await queries().getSealingKey({})).toMatchObject({
      place: SealingKeyPlace.FILE,
      available: true,
      problem: "",
    });
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["lost", (file: string) => rmSync(file)],
    ["another machine's", (file: string) => writeFileSync(file, `${"ab".repeat(32)}\n`)],
    ["damaged", (file: string) => writeFileSync(file, "nonsense")],
  ])("that is %s refuses secrets, says what to do, and is not replaced", async (_, harm) => {
    const made = await make();
    await daemon.stop();
    harm(keyFile());
    await daemon.start();

    const refusal = await refused(make("f"));
    const update = await refused(apply("e", specOf(`${SECRET}2`)));

    expect(refusal.reason).toBe("SEALING_KEY_MISSING");
    expect(update.reason).toBe("SEALING_KEY_MISSING");
    expect(update.message).toMatch(/restore/);
    const key = await queries().getSealingKey({});
    expect(key).toMatchObject({ place: SealingKeyPlace.FILE, available: false });
    expect(key.problem).toMatch(/restore/);
    expect(await queries().get({ id: made.metadata?.id ?? "" })).toMatchObject({
      spec: { secrets: [{ name: "TOKEN" }] },
    });
  });

  it("is another after a rotation, and what was sealed before is known still", async () => {
    await make();
    await make("f");
    const before = await queries().getSealingKey({});
    const old = keyFile();

    const { key, dataKeys } = await commands().rotateKey({});

    expect(dataKeys).toBe(2);
    expect(key?.id).not.toBe(before.id);
    expect(keyFile()).not.toBe(old);
    expect(readdirSync(join(daemon.home, "keys"))).toHaveLength(1);
    await daemon.stop();
    await daemon.start();
    expect((await apply("e", specOf(SECRET), { manager: "tester" })).diff).toEqual([]);
  });
});
