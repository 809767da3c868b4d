import { AgentCommandController, AgentSchema } from "@stigmer/contracts/agentic";
import { startProgram } from "../harness/programs.ts";
import type { CallJob } from "../load/calls.ts";
import { agentOf, body, pathOf } from "./agents.ts";

const ECHO_BYTES = 128;

/** Starts a peer that answers with what it got, and says how to call it. */
export async function startEcho(
  resources: AsyncDisposableStack,
  program: "connect-echo" | "grpc-js-echo",
  bytes = ECHO_BYTES,
): Promise<Pick<CallJob, "url" | "path" | "bodies">> {
  const port = await resources.use(startProgram(`peers/${program}.ts`)).ask<number>({});
  const bodies = [body(AgentSchema, agentOf("echo", bytes))];
  return { url: `http://127.0.0.1:${port}`, path: pathOf(AgentCommandController.method.create), bodies };
}
