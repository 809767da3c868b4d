import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { type Log, silentLog, systemClock } from "@stigmer/base";
import { ExecutionQueryController, SubscribeResponseSchema } from "@stigmer/contracts/agentic";
import { ServerInfoSchema, ServerQueryController } from "@stigmer/contracts/platform";
import { ErrorInfoSchema } from "@stigmer/contracts/rpc";
import { type Handler, type Pipeline, serverStream, unary } from "@stigmer/resource";
import { describe, expect, it } from "vitest";
import { type Bindings, bind } from "./bind.ts";
import { connectRoutes } from "./connect-routes.ts";
import { deadline } from "./interceptors/deadline.ts";
import { errors } from "./interceptors/errors.ts";
import { requestLog } from "./interceptors/request-log.ts";

const { getInfo } = ServerQueryController.method;
const { subscribe, verify, why } = ExecutionQueryController.method;
const info = (version: string) => create(ServerInfoSchema, { version });
const answers = unary(getInfo, async () => info("1"));

describe("binding", () => {
  it.each([
    ["a method without a handler", { handlers: [] }, /getInfo has neither a verb nor a handler/],
    ["a method with two", { handlers: [answers, answers] }, /getInfo has two handlers/],
    [
      "a handler of a service that is not claimed",
      { handlers: [answers], unclaimed: [{ service: ServerQueryController, reason: "not here" }] },
      /getInfo has a handler, but its service is not claimed/,
    ],
  ])("refuses %s", (_, bindings, words) => {
    expect(() => routesOf(bindings)).toThrow(words);
  });

  it("answers for a service that is not claimed that it isn't, calls and streams alike", async () => {
    const transport = createRouterTransport(
      routesOf({
        services: [ServerQueryController, ExecutionQueryController],
        handlers: [answers],
        unclaimed: [{ service: ExecutionQueryController, reason: "not here" }],
      }),
    );
    const client = createClient(ExecutionQueryController, transport);

    const refusals = [
      await refusal(client.verify({ executionId: "x" })),
      await refusal(client.subscribe({ executionId: "x" })[Symbol.asyncIterator]().next()),
    ];

    for (const error of refusals) {
      expect(error.code).toBe(Code.Unimplemented);
      expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
        { reason: "FEATURE_NOT_CLAIMED", metadata: { service: ExecutionQueryController.typeName } },
      ]);
    }
  });
});

describe("a call", () => {
  it("that fails hides its cause, which is logged under the request's id", async () => {
    const { log, lines } = recorder();
    const fails = unary(getInfo, () => Promise.reject(new Error("password is hunter2")));
    const client = clientOf({ handlers: [fails], interceptors: [errors(log), requestLog(log, systemClock)] });

    const error = await refusal(client.getInfo({}));

    const [detail] = error.findDetails(ErrorInfoSchema);
    const failed = lines.find(({ message }) => message === "request failed");
    expect(error.code).toBe(Code.Internal);
    expect(error.message).not.toContain("hunter2");
    expect(failed?.fields).toMatchObject({
      requestId: detail?.metadata.request_id,
      err: new Error("password is hunter2"),
    });
    expect(lines.find(({ message }) => message === "request")?.fields).toMatchObject({ code: "INTERNAL" });
  });

  it("that fails in the middle of a stream hides its cause too", async () => {
    const { log, lines } = recorder();
    const fails = serverStream(subscribe, async function* () {
      yield create(SubscribeResponseSchema);
      throw new TypeError("hunter2");
    });
    const others = [verify, why].map((method) => unary(method as never, () => Promise.reject(new Error("not asked"))));
    const transport = createRouterTransport(
      routesOf({ services: [ExecutionQueryController], handlers: [fails, ...others], interceptors: [errors(log)] }),
    );
    const stream = createClient(ExecutionQueryController, transport).subscribe({})[Symbol.asyncIterator]();
    await stream.next();

    const error = await refusal(stream.next());

    expect(error.code).toBe(Code.Internal);
    expect(error.message).not.toContain("hunter2");
    expect(lines).toHaveLength(1);
  });

  it("ends after the backend's deadline where it has none of its own, and its work is told", async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
    const hangs = unary(getInfo, (_, { signal }) => {
      signal.addEventListener("abort", () => resolve(signal.reason));
      return new Promise(() => {});
    });
    const client = clientOf({ handlers: [hangs], interceptors: [errors(silentLog), deadline(1)] });

    const error = await refusal(client.getInfo({}));

    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(await aborted).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  it("that fails after its deadline is no unhandled error", async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    const client = clientOf({
      handlers: [unary(getInfo, () => promise)],
      interceptors: [errors(silentLog), deadline(1)],
    });
    await refusal(client.getInfo({}));

    reject(new Error("too late"));

    await expect(promise).rejects.toThrow("too late");
  });

  it("with an idempotency key that is empty or too long is refused before anything runs", async () => {
    let ran = 0;
    const counts = unary(getInfo, async () => info(String(++ran)));
    const client = clientOf({ handlers: [counts] });

    const long = await refusal(client.getInfo({}, { headers: { "idempotency-key": "k".repeat(129) } }));
    const empty = await refusal(client.getInfo({}, { headers: { "idempotency-key": "" } }));

    expect([long.code, empty.code]).toEqual([Code.InvalidArgument, Code.InvalidArgument]);
    expect(ran).toBe(0);
  });
});

function routesOf(over: Partial<Bindings>) {
  const pipeline = { admit: async (_, call) => ({ ...call, org: "o" }) } as Pick<Pipeline, "admit"> as Pipeline;
  const methods = bind({
    ...{ services: [ServerQueryController], handlers: [], unclaimed: [], interceptors: [errors(silentLog)], pipeline },
    ...{ clock: systemClock, callerOf: () => ({ subject: "tester", org: "o" }) },
    ...over,
  });
  return connectRoutes(methods);
}

function clientOf(over: { readonly handlers: readonly Handler[]; readonly interceptors?: Bindings["interceptors"] }) {
  return createClient(ServerQueryController, createRouterTransport(routesOf(over)));
}

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  return await call.then(
    () => {
      throw new Error("the call was not refused");
    },
    (error) => ConnectError.from(error),
  );
}

function recorder() {
  const lines: { readonly fields: Record<string, unknown>; readonly message: string }[] = [];
  const write = (fields: Record<string, unknown>, message: string): void => void lines.push({ fields, message });
  const log: Log = { debug: write, info: write, warn: write, error: write };
  return { log, lines };
}
