import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { AgentCommandController, AgentQueryController, ExecutionQueryController } from "@stigmer/contracts/agentic";
import {
  Health,
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  HealthCheckResponse_ServingStatus as Status,
} from "@stigmer/contracts/grpc";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allOf } from "./all-of.fake.ts";
import { contractServices } from "./compose.ts";
import { post } from "./raw-http.fake.ts";
import { refused } from "./refused.fake.ts";
import { startTestDaemon, type TestDaemon } from "./test-daemon.fake.ts";

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startTestDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

describe("health", () => {
  it("says that the backend serves, and each of its services", async () => {
    const health = daemon.client.service(Health);

    const whole = await health.check({});
    const one = await health.check({ service: AgentQueryController.typeName });
    const all = await health.list({});

    expect([whole.status, one.status]).toEqual([Status.SERVING, Status.SERVING]);
    expect(Object.keys(all.statuses).sort()).toEqual(
      ["", ...contractServices().map(({ typeName }) => typeName)].sort(),
    );
  });

  it("knows no other service", async () => {
    const health = daemon.client.service(Health);

    const fault = await refused(health.check({ service: "no.such.Service" }));
    const watched = await allOf(health.watch({ service: "no.such.Service" }));

    expect(fault.kind).toBe("notFound");
    expect(watched.map(({ status }) => status)).toEqual([Status.SERVICE_UNKNOWN]);
  });

  it("tells who watches that the backend is about to stop", async () => {
    await using other = await startTestDaemon();
    const watch = other.client.service(Health).watch({})[Symbol.asyncIterator]();
    const first = await watch.next();

    const [second] = await Promise.all([watch.next(), other.stop()]);

    expect(first.value?.status).toBe(Status.SERVING);
    expect(second.value?.status).toBe(Status.NOT_SERVING);
  });
});

describe("reflection", () => {
  it("lists the services that are bound", async () => {
    const [answer] = await reflect({ case: "listServices", value: "" });

    const services = answer?.case === "listServicesResponse" ? answer.value.service.map(({ name }) => name) : [];
    expect(services.sort()).toEqual(
      contractServices()
        .map(({ typeName }) => typeName)
        .sort(),
    );
  });

  it.each([
    "ai.stigmer.agentic.agent.v1.Agent",
    "ai.stigmer.agentic.agent.v1.AgentCommandController",
    "ai.stigmer.agentic.agent.v1.AgentCommandController.create",
    "ai.stigmer.agentic.agent.v1.AgentSpec.instructions",
    "ai.stigmer.agentic.approval.v1.ApprovalDecision",
    "ai.stigmer.commons.apiresource.v1.kind",
    "google.protobuf.Timestamp",
    "grpc.health.v1.Health",
  ])("finds the file of %s, and all that it imports", async (symbol) => {
    const [answer] = await reflect({ case: "fileContainingSymbol", value: symbol });

    const files = filesIn(answer);
    const names = new Set(files.map(({ name }) => name));
    expect(symbol.startsWith(files[0]?.package ?? "?")).toBe(true);
    expect(files.flatMap(({ dependency }) => dependency).filter((name) => !names.has(name))).toEqual([]);
  });

  it("finds files by name, and extensions by number", async () => {
    const extendee = "google.protobuf.MessageOptions";

    const [file, extension, numbers] = await reflect(
      { case: "fileByFilename", value: "ai/stigmer/agentic/agent/v1/spec.proto" },
      {
        case: "fileContainingExtension",
        value: { $typeName: "grpc.reflection.v1.ExtensionRequest", containingType: extendee, extensionNumber: 51001 },
      },
      { case: "allExtensionNumbersOfType", value: extendee },
    );

    expect(filesIn(file)[0]?.name).toBe("ai/stigmer/agentic/agent/v1/spec.proto");
    expect(filesIn(extension)[0]?.name).toBe("ai/stigmer/commons/apiresource/v1/options.proto");
    expect(numbers?.case === "allExtensionNumbersResponse" && numbers.value.extensionNumber).toContain(51001);
  });

  it("says what it does not find", async () => {
    const answers = await reflect(
      { case: "fileByFilename", value: "no.proto" },
      { case: "fileContainingSymbol", value: "no.Symbol" },
      { case: "fileContainingSymbol", value: "" },
      { case: "allExtensionNumbersOfType", value: "no.Type" },
      { case: undefined },
    );

    for (const answer of answers)
      expect(answer?.case === "errorResponse" && answer.value.errorCode).toBe(5 /* NOT_FOUND */);
  });
});

describe("getInfo", () => {
  it("equals what is bound", async () => {
    const info = await daemon.client.service(ServerQueryController).getInfo({});

    expect(info).toMatchObject({ implementation: "stigmer-daemon", version: "0.0.1", pid: BigInt(process.pid) });
    expect(info.dataDir.startsWith(daemon.home)).toBe(true);
    expect([...info.claimed, ...info.unclaimed.map(({ service }) => service)].sort()).toEqual(
      contractServices()
        .map(({ typeName }) => typeName)
        .sort(),
    );
    expect(info.limits).toMatchObject({ maxMessageBytes: 4_194_304n, maxSubscribers: 256 });
  });
});

describe("a request's id", () => {
  it("is a header of every answer, refusals included, and stands in the log", async () => {
    const answers = [
      await post(daemon.port, `/${ServerQueryController.typeName}/getInfo`, {}),
      await post(daemon.port, `/${AgentQueryController.typeName}/get`, { body: '{"id":"agt_0"}' }),
      await post(daemon.port, `/${AgentCommandController.typeName}/create`, { body: "{}" }),
    ];

    const ids = answers.map(({ headers }) => headers["x-request-id"]);
    expect(new Set(ids).size).toBe(3);
    const lines = daemon.log.filter(({ requestId }) => ids.includes(requestId as string));
    expect(lines.map(({ msg, code }) => [msg, code])).toEqual([
      ["request", "OK"],
      ["request", "NOT_FOUND"],
      ["request", "INVALID_ARGUMENT"],
    ]);
  });

  it("is a header of streams too", async () => {
    let id: string | null = null;
    const onHeader = (headers: Headers): void => {
      id = headers.get("x-request-id");
    };

    await refused(
      allOf(daemon.client.service(ExecutionQueryController).subscribe({ executionId: "none" }, { onHeader })),
    );

    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

it("logs who called what and how it ended, and nothing of the body", async () => {
  const secret = "do-not-log-this";

  await daemon.client
    .service(AgentCommandController)
    .create({ metadata: { name: "secretive", annotations: { note: secret } }, spec: { instructions: secret } });
  await refused(
    daemon.client.service(AgentCommandController).create({ metadata: { name: secret.toUpperCase() }, spec: {} }),
  );

  const last = daemon.log.findLast(({ code }) => code === "OK");
  expect(last).toMatchObject({
    msg: "request",
    rpc: `${AgentCommandController.typeName}/create`,
    protocol: "grpc",
    caller: "tester",
  });
  expect(JSON.stringify(daemon.log).toLowerCase()).not.toContain(secret);
});

async function reflect(...requests: ServerReflectionRequest["messageRequest"][]) {
  const answers = await allOf(
    daemon.client.service(ServerReflection).serverReflectionInfo(
      (async function* () {
        for (const messageRequest of requests) yield { messageRequest };
      })(),
    ),
  );
  return answers.map(({ messageResponse }) => messageResponse);
}

function filesIn(answer: ServerReflectionResponse["messageResponse"] | undefined) {
  const bytes = answer?.case === "fileDescriptorResponse" ? answer.value.fileDescriptorProto : [];
  return bytes.map((file) => fromBinary(FileDescriptorProtoSchema, file));
}
