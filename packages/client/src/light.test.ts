import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { isFault } from "@stigmer/base";
import { AgentCommandController } from "@stigmer/contracts/agentic";
import { ServerQueryController } from "@stigmer/contracts/platform";
import { ErrorInfoSchema, PreconditionFailureSchema } from "@stigmer/contracts/rpc";
import { describe, expect, it, onTestFinished } from "vitest";
import { connectLightly, type LightClient } from "./light.ts";

const GET_INFO = "/ai.stigmer.platform.server.v1.ServerQueryController/getInfo";
const CREATE = "/ai.stigmer.agentic.agent.v1.AgentCommandController/create";

const violations = [{ type: "FIELD_MANAGER", subject: "spec.model", description: "ci has set it" }];
const refused = new ConnectError("another manager owns it", Code.Aborted, undefined, [
  {
    desc: ErrorInfoSchema,
    value: { reason: "FIELD_CONFLICT", domain: "stigmer.ai", metadata: { path: "spec.model" } },
  },
  { desc: PreconditionFailureSchema, value: { violations } },
]);

type Ask = (client: LightClient, options?: { signal?: AbortSignal; timeoutMs?: number }) => Promise<unknown>;

const ways: readonly (readonly [name: string, ask: Ask])[] = [
  ["in JSON", (client, options) => client.json({ path: GET_INFO, request: {} }, options)],
  ["typed", (client, options) => client.service(ServerQueryController).getInfo({}, options)],
];

describe.each(ways)("a light client's call %s", (_, ask) => {
  it("returns what the backend says", async () => {
    const client = await clientTo({ getInfo: () => ({ version: "1.2.3" }) });

    expect(await ask(client)).toMatchObject({ version: "1.2.3" });
  });

  it("throws the backend's fault, with all that it says", async () => {
    const client = await clientTo({
      getInfo: () => {
        throw refused;
      },
    });

    const error = await ask(client).catch((caught: unknown) => caught);

    expect(isFault(error, "FIELD_CONFLICT") && [error.kind, error.facts, error.preconditions]).toEqual([
      "conflict",
      { path: "spec.model" },
      violations,
    ]);
  });

  it("tries again while the backend is away, and no more than it was told", async () => {
    let calls = 0;
    const client = await clientTo(
      {
        getInfo: () => {
          calls += 1;
          throw new ConnectError("stopping", Code.Unavailable);
        },
      },
      { attempts: 2 },
    );

    const error = await ask(client).catch((caught: unknown) => caught);

    expect([calls, isFault(error, "BACKEND_UNREACHABLE")]).toEqual([2, true]);
  });

  it("says that nobody answers where nobody does", async () => {
    const { url, server } = await serve({});
    await new Promise((closed) => server.close(closed));

    const error = await ask(connectLightly({ url, attempts: 1 })).catch((caught: unknown) => caught);

    expect(isFault(error, "BACKEND_UNREACHABLE")).toBe(true);
  });

  it("ends at its deadline", async () => {
    const client = await clientTo({ getInfo: untilGivenUp });

    const error = await ask(client, { timeoutMs: 30 }).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
  });

  it("ends where it is given up", async () => {
    const abort = new AbortController();
    const client = await clientTo({
      getInfo: (request, context) => {
        abort.abort();
        return untilGivenUp(request, context);
      },
    });

    const error = await ask(client, { signal: abort.signal }).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: Code.Canceled });
  });
});

describe("a light client", () => {
  it("sends a command's idempotency key, the same on every try", async () => {
    const keys: (string | null)[] = [];
    const create: Handlers["create"] = (agent, { requestHeader }) => {
      keys.push(requestHeader.get("idempotency-key"));
      if (keys.length % 2 === 1) throw new ConnectError("stopping", Code.Unavailable);
      return agent;
    };
    const client = await clientTo({ create });

    await client.json({ path: CREATE, request: { metadata: { name: "a" } }, write: true });
    await client.service(AgentCommandController).create({ metadata: { name: "a" } });

    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).toBe(keys[3]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it("sends no key with a question, and headers as they are given", async () => {
    const headers: Headers[] = [];
    const client = await clientTo({
      getInfo: (_, { requestHeader }) => {
        headers.push(requestHeader);
        return {};
      },
    });

    await client.json({ path: GET_INFO, request: {}, headers: { "field-manager": "ci" } });

    expect(headers.map((sent) => [sent.get("idempotency-key"), sent.get("field-manager")])).toEqual([[null, "ci"]]);
  });

  it("takes an answer that is no RPC's for what its status says", async () => {
    const url = await listen(createServer((_, response) => response.writeHead(403).end("<html>")));

    const error = await connectLightly({ url })
      .json({ path: GET_INFO, request: {} })
      .catch((caught: unknown) => caught);

    expect(isFault(error) && error.kind).toBe("denied");
  });

  it("says that the line was lost where an answer breaks off", async () => {
    const url = await listen(
      createServer((_, response) => {
        response.writeHead(200, { "content-length": "100" }).write("{");
        response.socket?.destroy();
      }),
    );

    const call = connectLightly({ url, attempts: 1 }).json({ path: GET_INFO, request: {} });

    expect(isFault(await call.catch((caught: unknown) => caught), "BACKEND_UNREACHABLE")).toBe(true);
  });

  it("refuses an answer that is too large instead of keeping it", async () => {
    const url = await listen(
      createServer((_, response) => response.writeHead(200).end(Buffer.alloc(17 * 1024 * 1024))),
    );

    const call = connectLightly({ url }).json({ path: GET_INFO, request: {} });

    expect(isFault(await call.catch((caught: unknown) => caught), "MESSAGE_TOO_LARGE")).toBe(true);
  });
});

type Handlers = Partial<ServiceImpl<typeof ServerQueryController> & ServiceImpl<typeof AgentCommandController>>;

const untilGivenUp: NonNullable<Handlers["getInfo"]> = (_, { signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

async function clientTo(handlers: Handlers, options: { readonly attempts?: number } = {}): Promise<LightClient> {
  const { url } = await serve(handlers);
  const client = connectLightly({ url, ...options });
  onTestFinished(() => client.close());
  return client;
}

async function serve(handlers: Handlers): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(
    connectNodeAdapter({
      routes({ service }) {
        service(ServerQueryController, handlers);
        service(AgentCommandController, handlers);
      },
    }),
  );
  return { url: await listen(server), server };
}

async function listen(server: Server): Promise<string> {
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
