import type { Client } from "@stigmer/client";
import {
  ApprovalScope,
  type Assignment,
  type CallTool,
  type Lease,
  type ToolDefinition,
} from "@stigmer/contracts/agentic";
import { ToolController } from "@stigmer/contracts/capability";
import { decide } from "./commands.fake.ts";
import { callTool } from "./driven.fake.ts";
import { connectRunner, leaseOf, type RunnerLine } from "./runner-line.fake.ts";

type Offered = Partial<Pick<ToolDefinition, "tool" | "description" | "inputSchema" | "annotations">>;

/** A call of a tool that runs. */
export type Begun = {
  readonly lease: Lease;
  /** What the loop that asked for it is told. */
  readonly told: ReturnType<typeof callTool>;
  readonly call: CallTool;
};

/** A runner under the test's control that drives agents and hosts their tools. */
export interface Tended {
  readonly line: RunnerLine;
  /** The next assignment of this execution; those of others are passed over. */
  assignment(id: string): Promise<Assignment>;
  /** Its lease. */
  lease(id: string): Promise<Lease>;
  /**
   * Reads the execution's tools; each of `servers` offers these, one destructive `act` unless told. A server is asked for them
   * once: from then on the backend knows them.
   */
  list(lease: Lease, servers?: number, offered?: readonly Offered[]): Promise<readonly ToolDefinition[]>;
  /** Goes as far as a call of `act` that a person has approved and that runs, with a lease taken after the approval. */
  begin(id: string, scope?: ApprovalScope): Promise<Begun>;
  /** Ends the attempt. */
  finish(lease: Lease, output: string): void;
  fail(lease: Lease, message?: string): void;
  /** The next call of a tool that it is handed. */
  call(): Promise<CallTool>;
  /** Tells how a call ended. */
  answer(call: CallTool, content: string): void;
}

export async function tend(client: Client, hello: Parameters<typeof connectRunner>[1] = {}): Promise<Tended> {
  const line = await connectRunner(client, { name: "tended", slots: 1000, ...hello });
  const assignment: Tended["assignment"] = async (id) => {
    for (;;) {
      const next = await line.next("assignment");
      if (leaseOf(next).executionId === id) return next;
    }
  };
  let known = 0;
  const list: Tended["list"] = async ({ executionId, epoch }, servers = 1, offered = [{}]) => {
    const listing = client.service(ToolController).list({ executionId, epoch });
    for (; known < servers; known++) {
      const { requestId } = await line.next("startServer");
      const tools = offered.map((of) => ({ tool: "act", description: "acts", inputSchema: "{}", ...of }));
      line.send({ case: "serverStarted", value: { requestId, tools } });
    }
    return (await listing).tools;
  };
  return {
    line,
    assignment,
    list,
    async begin(id, scope = ApprovalScope.ONCE) {
      const first = leaseOf(await assignment(id));
      await list(first);
      const parked = await callTool(client, first, { name: "files__act" });
      await decide(client, parked.case === "parked" ? parked.value.approvalId : "", { scope });
      const lease = leaseOf(await assignment(id));
      const told = callTool(client, lease, { name: "files__act" });
      told.catch(() => {}); // each test says how it ends
      return { lease, told, call: await line.next("callTool") };
    },
    lease: async (id) => leaseOf(await assignment(id)),
    finish: (lease, output) =>
      line.send({ case: "attemptFinished", value: { lease, outcome: { case: "output", value: output } } }),
    fail(lease, message = "broken") {
      const error = { reason: "INTERNAL", message };
      line.send({ case: "attemptFinished", value: { lease, outcome: { case: "error", value: error } } });
    },
    call: () => line.next("callTool"),
    answer(call, content) {
      if (call.call) line.send({ case: "toolCallEnded", value: { call: call.call, result: { content } } });
    },
  };
}
