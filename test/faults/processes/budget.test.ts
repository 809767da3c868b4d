import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AgentExecutionCommandController, ExecutionPhase } from "@stigmer/contracts/agentic";
import { startDaemon } from "@stigmer/e2e/harness";
import { expect, it } from "vitest";
import { applyAgents } from "./effects.ts";
import { endOf, journalOf, ofKind } from "./journal.ts";

const ROUNDS = 3;
const MOST_TOKENS = 9_000n;

it(`has the whole of a budget again when the daemon is killed between setting it aside and the outcome, ${ROUNDS} times`, async () => {
  await using provider = await startProvider();
  await using daemon = await startDaemon({ config: `providers: { held: { baseUrl: "${provider.url}" } }` });
  await applyAgents(daemon.client);
  const spec = { agent: "talker", message: "hi", model: "held/m", limits: { maxTokens: MOST_TOKENS } };
  const { metadata } = await daemon.client.service(AgentExecutionCommandController).create({ metadata: {}, spec });
  const id = metadata?.id ?? "";

  const asked: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    asked.push((await provider.next()).mostTokens); // nearly all of the budget is set aside for this call
    await daemon.kill();
    await daemon.restart();
  }
  const last = await provider.next();
  last.answer({ prompt_tokens: 40, completion_tokens: 2 });
  const ended = await endOf(daemon.client, id);

  expect(new Set([...asked, last.mostTokens])).toEqual(new Set([last.mostTokens]));
  expect(last.mostTokens).toBeGreaterThan(8_000);
  expect(ExecutionPhase[ended.status?.phase ?? 0]).toBe("SUCCEEDED");
  expect(ended.status?.usage).toMatchObject({ inputTokens: 40n, outputTokens: 2n, unpricedCalls: 1 });
  expect(ofKind(await journalOf(daemon.client, id), "modelCallFinished")).toHaveLength(1);
});

type Asked = {
  readonly mostTokens: number;
  answer(usage: { readonly prompt_tokens: number; readonly completion_tokens: number }): void;
};

/** A provider that says nothing until it is told to. */
async function startProvider() {
  const arrived: Asked[] = [];
  let wake = (): void => {};
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      arrived.push(askedOf(JSON.parse(Buffer.concat(chunks).toString()), response));
      wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async next(): Promise<Asked> {
      for (;;) {
        const call = arrived.shift();
        if (call) return call;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function askedOf(body: { readonly max_tokens?: number }, response: ServerResponse): Asked {
  return {
    mostTokens: body.max_tokens ?? 0,
    answer(usage) {
      const choices = [{ index: 0, message: { role: "assistant", content: "done" }, finish_reason: "stop" }];
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ id: "1", object: "chat.completion", model: "m", choices, usage }));
    },
  };
}
