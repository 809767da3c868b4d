import { Code, ConnectError, createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { isFault } from "@stigmer/base";
import { ExecutionQueryController } from "@stigmer/contracts/agentic";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { ErrorInfoSchema } from "@stigmer/contracts/rpc";
import { expect, it } from "vitest";
import { type Client, clientOver } from "./client.ts";

const refused = new ConnectError("no such execution", Code.NotFound, undefined, [
  { desc: ErrorInfoSchema, value: { reason: "RESOURCE_NOT_FOUND", domain: "stigmer.ai", metadata: { name: "aex_1" } } },
]);

it("throws the backend's fault from a unary call", async () => {
  const client = clientTo({
    getInfo: () => {
      throw refused;
    },
  });

  const error = await client
    .service(ServerQueryController)
    .getInfo({})
    .catch((caught: unknown) => caught);

  expect(isFault(error, "RESOURCE_NOT_FOUND") && error.facts).toEqual({ name: "aex_1" });
});

it("throws the backend's fault in the middle of a stream", async () => {
  const client = clientTo({
    async *subscribe() {
      yield {};
      throw refused;
    },
  });

  const stream = client.service(ExecutionQueryController).subscribe({})[Symbol.asyncIterator]();
  await stream.next();
  const error = await stream.next().catch((caught: unknown) => caught);

  expect(isFault(error, "RESOURCE_NOT_FOUND")).toBe(true);
});

it("lets a deadline through as it is", async () => {
  const client = clientTo({ getInfo: (_, { signal }) => new Promise((_, reject) => (signal.onabort = reject)) });

  const error = await client
    .service(ServerQueryController)
    .getInfo({}, { timeoutMs: 1 })
    .catch((caught: unknown) => caught);

  expect(error).toMatchObject({ code: Code.DeadlineExceeded });
});

type Handlers = Partial<ServiceImpl<typeof ServerQueryController> & ServiceImpl<typeof ExecutionQueryController>>;

function clientTo(handlers: Handlers): Client {
  const transport = createRouterTransport(({ service }) => {
    service(ServerQueryController, handlers);
    service(ExecutionQueryController, handlers);
  });
  return clientOver(transport, { url: "memory:" });
}
