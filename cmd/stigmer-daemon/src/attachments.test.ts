import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { uploadBlob } from "@stigmer/client";
import {
  AgentExecutionCommandController,
  AgentExecutionQueryController,
  type AttachmentSchema,
  ExecutionPhase as Phase,
} from "@stigmer/contracts/agentic";
import { type AgentLoop, MessageSchema, Role, textOf } from "@stigmer/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tell } from "./commands.fake.ts";
import { eventsOf, untilEnd, valuesOf } from "./journal.fake.ts";
import { startKitRunner } from "./kit-runner.fake.ts";
import { startModelServer } from "./model-server.fake.ts";
import { refused } from "./refused.fake.ts";
import { createAgent, idOf } from "./resources.fake.ts";
import { connectRunner } from "./runner-line.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

type Attached = MessageInitShape<typeof AttachmentSchema>;

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startTestDaemon();
  await createAgent(daemon.client);
});
afterEach(() => daemon[Symbol.asyncDispose]());

it("shows the model an image that the user sent along", async () => {
  await using provider = await startModelServer();
  daemon.configure(provider.config);
  await using _ = startKitRunner(daemon, { agent: lookAtFiles });
  const image = await attach("photo.png", PNG);

  const started = await execute([image], "held/any");
  const call = await provider.next();
  call.say("a photo");
  call.finish();
  const ended = await untilEnd(daemon.client, idOf(started));

  const [created] = valuesOf(await eventsOf(daemon.client, idOf(started)), "created");
  expect(ended.status).toMatchObject({ phase: Phase.SUCCEEDED, output: "a photo" });
  expect(created?.attachments).toMatchObject([image]);
  expect(ended.spec?.attachments).toMatchObject([image]);
  expect(JSON.stringify(call.body)).toContain(Buffer.from(PNG).toString("base64"));
});

it("gives a loop the content of what was sent along, and stores what it makes", async () => {
  const made: string[] = [];
  const loop: AgentLoop = async ({ attachments: [first], readBlob, saveBlob }) => {
    made.push(await saveBlob(new TextEncoder().encode("made")));
    return new TextDecoder().decode(await readBlob(first?.digest ?? ""));
  };
  await using _ = startKitRunner(daemon, { agent: loop });

  const started = await execute([await attach("notes.txt", new TextEncoder().encode("what I noted"))]);
  const { status } = await untilEnd(daemon.client, idOf(started));

  const known = await uploadBlob(daemon.client, new TextEncoder().encode("made"));
  expect(status?.output).toBe("what I noted");
  expect(made).toEqual([known.digest]);
});

it("refuses a start with a content that is not there, cut, or of another size, and starts nothing", async () => {
  const whole = await attach("photo.png", PNG);
  const digest = `sha256:${"0".repeat(64)}`;

  const absent = await refused(execute([whole, { ...whole, digest }]));
  const longer = await refused(execute([{ ...whole, size: 9n }]));
  const path = await refused(execute([{ ...whole, name: "../photo.png" }]));
  const many = await refused(execute(Array.from({ length: 65 }, () => whole)));

  expect(absent).toMatchObject({ kind: "precondition", reason: "BLOB_INCOMPLETE", facts: { digest } });
  expect(longer.violations).toMatchObject([{ field: "spec.attachments[0].size" }]);
  expect(path.violations).toMatchObject([{ field: "spec.attachments[0].name" }]);
  expect(many.violations).toMatchObject([{ field: "spec.attachments" }]);
  const { items } = await daemon.client.service(AgentExecutionQueryController).list({});
  expect(items).toEqual([]);
});

it("hands the files to the runner, and to that of a fork", async () => {
  const image = await attach("photo.png", PNG);
  const line = await connectRunner(daemon.client);
  const started = await execute([image]);
  const first = await line.next("assignment");

  await tell(daemon.client, "fork", idOf(started));
  const fork = await line.next("assignment");

  expect([first.attachments, fork.attachments]).toMatchObject([[image], [image]]);
});

/** Says the user's message with all files that came with it. */
const lookAtFiles: AgentLoop = async ({ message, attachments, generate }) => {
  const files = attachments.map((value) => ({ part: { case: "attachment" as const, value } }));
  const parts = [{ part: { case: "text" as const, value: message } }, ...files];
  const messages = [create(MessageSchema, { role: Role.USER, parts })];
  return textOf((await generate("turn/1/model", { messages, tools: [] })).message);
};

async function attach(name: string, bytes: Uint8Array): Promise<Attached> {
  const { digest, size } = await uploadBlob(daemon.client, bytes);
  return { name, mediaType: name.endsWith(".png") ? "image/png" : "text/plain", digest, size: BigInt(size) };
}

async function execute(attachments: Attached[], model = daemon.script([{ text: "done" }])) {
  const spec = { agent: "helper", message: "look", model, attachments };
  return await daemon.client.service(AgentExecutionCommandController).create({ metadata: {}, spec });
}
