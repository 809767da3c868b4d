/** A model's stand-in that speaks OpenAI's chat completions and says tokens at their pace; the user's message is their count. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { answerQuestions } from "../harness/programs.ts";
import { emitTokens } from "../load/tokens.ts";

const server = createServer(async (request, response) => {
  const { model, messages } = JSON.parse(await textOf(request));
  const send = (delta: object, finish: string | null): void => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    const chunk = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1, model, choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  response.writeHead(200, { "content-type": "text/event-stream" });
  await emitTokens(Number(messages.at(-1).content), (content) => send({ content }, null));
  send({}, "stop");
  response.end("data: [DONE]\n\n");
});

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

answerQuestions(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
});
