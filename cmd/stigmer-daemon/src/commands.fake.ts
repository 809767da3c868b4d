import type { Client } from "@stigmer/client";
import {
  type AgentExecution,
  AgentExecutionCommandController,
  ApprovalCommandController,
  ApprovalDecision,
  type ApprovalScope,
  ExecutionQueryController,
  type WhyResponse,
} from "@stigmer/contracts/agentic";
import type { COMMANDS } from "@stigmer/execution";

export type Telling = {
  readonly comment?: string;
  readonly sequence?: bigint;
  readonly message?: string;
  readonly model?: string;
  readonly agent?: string;
  readonly text?: string;
  readonly stepKey?: string;
};

/** Tells an execution what to do; with a key, a repeated call is answered with the first one's answer. */
export async function tell(
  client: Client,
  command: (typeof COMMANDS)[number],
  id: string,
  { key, ...of }: Telling & { readonly key?: string } = {},
): Promise<AgentExecution> {
  const commands = client.service(AgentExecutionCommandController);
  const options = key ? { headers: { "idempotency-key": key } } : {};
  if (command === "provideInput") return await commands.provideInput({ id, text: "blue", ...of }, options);
  return await commands[command]({ id, ...of }, options);
}

/** Decides an approval; approves it unless told. */
export async function decide(
  client: Client,
  id: string,
  of: {
    readonly decision?: ApprovalDecision;
    readonly comment?: string;
    readonly scope?: ApprovalScope;
    readonly arguments?: string;
  } = {},
) {
  const request = { id, decision: ApprovalDecision.APPROVED, ...of };
  return await client.service(ApprovalCommandController).decide(request);
}

/** Why an execution waits. */
export async function why(client: Client, executionId: string): Promise<WhyResponse> {
  return await client.service(ExecutionQueryController).why({ executionId });
}
