import { Code, ConnectError } from "@connectrpc/connect";
import { AgentCommandController } from "@stigmer/contracts/agentic";
import { ApiResourceQueryController } from "@stigmer/contracts/commons";
import { Health, HealthCheckResponse_ServingStatus, ServerReflection } from "@stigmer/contracts/grpc";
import { ServerQueryController } from "@stigmer/contracts/platform";
import type { Case, Context } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import { apiVersionOf, contractServices } from "../kinds.ts";

const getInfo = (context: Context) => context.call(ServerQueryController.method.getInfo, {});

/** What a backend says of itself: info, kinds, health, reflection, and the id of each request. */
export const serverCases: readonly Case[] = [
  {
    name: "says its version, its implementation and its limits",
    async run(context) {
      const { version, limits, implementation } = await getInfo(context);

      check(/^\d+\.\d+\.\d+/.test(version), `version ${version} is not as in SemVer`);
      check(implementation !== "", "there is no name of the implementation");
      check(limits && limits.maxMessageBytes > 0n, "there is no limit of a message's size");
      check(
        limits.maxConnections > 0 && limits.maxConcurrentStreams > 0,
        "there is no limit of connections or streams",
      );
      check(limits.unaryDeadlineMs > 0n, "there is no deadline");
    },
  },
  {
    name: "claims what the claims file says, and nothing else",
    async run(context) {
      const { claimed, implementation } = await getInfo(context);

      same([...claimed].sort(), [...context.claims.claimed].sort(), "claimed services");
      if (context.claims.implementation) same(implementation, context.claims.implementation, "implementation");
    },
  },
  {
    name: "says of every service of the contract that it is claimed, or why not",
    async run(context) {
      const { claimed, unclaimed } = await getInfo(context);

      const said = [...claimed, ...unclaimed.map(({ service }) => service)];
      same(said.length, new Set(said).size, "number of services that are named twice and once");
      const silent = contractServices.filter(({ typeName }) => !said.includes(typeName));
      same(silent, [], "services of which nothing is said");
      check(
        unclaimed.every(({ reason }) => reason !== ""),
        "a service is not claimed without a reason",
      );
    },
  },
  {
    name: "lists its kinds as their descriptors describe them",
    feature: ApiResourceQueryController.typeName,
    async run(context) {
      const { kinds } = await context.call(ApiResourceQueryController.method.listKinds, {});

      const served = context.kinds.all.filter((kind) =>
        kind.services.some(({ typeName }) => context.claims.claimed.includes(typeName)),
      );
      const expected = served.map((kind) => ({
        ...{ kind: kind.name, apiVersion: apiVersionOf(kind), messageType: kind.schema.typeName },
        ...{ plural: kind.options.plural, shortNames: kind.options.shortNames, managed: kind.options.managed },
        ...{ filterFields: kind.options.filterFields, revisions: kind.options.revisions },
      }));
      same(
        kinds.map(({ $typeName, ...description }) => description),
        expected,
        "kinds",
      );
    },
  },
  {
    name: "says that it is well, as a whole and service by service",
    async run(context) {
      for (const service of ["", ...context.claims.claimed.filter((name) => name.startsWith("ai."))]) {
        const { status } = await context.call(Health.method.check, { service });
        same(status, HealthCheckResponse_ServingStatus.SERVING, `status of "${service}"`);
      }
    },
  },
  {
    name: "says NOT_FOUND of the health of a service that there is none of",
    async run(context) {
      const error = await context.call(Health.method.check, { service: "no.such.Service" }).catch(ConnectError.from);

      check(error instanceof ConnectError, "the health of a service that there is none of was told");
      same(Code[error.code], Code[Code.NotFound], "code");
    },
  },
  {
    name: "reflects the services that it claims, and their files",
    needs: ["bidi"],
    async run(context) {
      const { claimed } = context.claims;

      const { list, file } = await reflect(context, AgentCommandController.typeName);

      const missing = claimed.filter((name) => !list.includes(name));
      same(missing, [], "claimed services that reflection does not list");
      check(file > 0, "there is no file of a service");
    },
  },
  {
    name: "says that reflection does not know a symbol that there is none of",
    needs: ["bidi"],
    async run(context) {
      await using answers = context.open(ServerReflection.method.serverReflectionInfo, {
        messageRequest: { case: "fileContainingSymbol", value: "no.such.Symbol" },
      });
      const { messageResponse } = await answers.next();

      check(messageResponse.case === "errorResponse", `expected an error, got ${messageResponse.case}`);
      same(messageResponse.value.errorCode, Code.NotFound, "code");
    },
  },
  {
    name: "gives each request an id of its own",
    async run(context) {
      const one = await context.send(ServerQueryController.method.getInfo, {});
      const two = await context.send(ServerQueryController.method.getInfo, {});

      const ids = [one, two].map(({ header }) => header.get("x-request-id"));
      check(ids.every(Boolean), "an answer carries no x-request-id");
      check(ids[0] !== ids[1], "two requests have the same id");
    },
  },
  {
    name: "refuses a message beyond its limit, and takes one within",
    breaksConnection: true,
    async run(context) {
      const { limits } = await getInfo(context);
      const bytes = Number(limits?.maxMessageBytes);
      const sized = (size: number) => ({
        metadata: { name: context.unique() },
        spec: { instructions: "x".repeat(size) },
      });
      const { create } = AgentCommandController.method;

      await refused(context.call(create, sized(bytes - 4096)), "INVALID_REQUEST", "spec.instructions");
      await refused(context.call(create, sized(bytes + 1)), "MESSAGE_TOO_LARGE");
    },
  },
];

async function reflect(context: Context, symbol: string): Promise<{ list: readonly string[]; file: number }> {
  const ask = async (value: { case: "listServices" | "fileContainingSymbol"; value: string }) => {
    await using answers = context.open(ServerReflection.method.serverReflectionInfo, { messageRequest: value });
    return (await answers.next()).messageResponse;
  };
  const list = await ask({ case: "listServices", value: "" });
  const file = await ask({ case: "fileContainingSymbol", value: symbol });
  check(list.case === "listServicesResponse" && file.case === "fileDescriptorResponse", "reflection answers amiss");
  return { list: list.value.service.map(({ name }) => name), file: file.value.fileDescriptorProto.length };
}
