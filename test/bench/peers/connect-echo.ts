/** The peer: connect-node on h2c, whose `create` answers with what it got. */
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AgentCommandController } from "@stigmer/contracts/agentic";
import { answerQuestions } from "../harness/programs.ts";

const server = createServer(
  connectNodeAdapter({
    routes: (router) => {
      router.service(AgentCommandController, { create: (agent) => agent });
    },
  }),
);

answerQuestions(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
});
