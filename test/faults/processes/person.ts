import type { Client } from "@stigmer/client";
import {
  type Approval,
  ApprovalCommandController,
  ApprovalDecision,
  ApprovalQueryController,
} from "@stigmer/contracts/agentic";

export type Decide = (approval: Approval) => ApprovalDecision | Promise<ApprovalDecision>;

/** Somebody who decides every approval, however often the daemon goes away meanwhile; approves unless told. */
export function createPerson(client: Client, decide: Decide = () => ApprovalDecision.APPROVED): AsyncDisposable {
  const gone = new AbortController();
  const working = new Set<Promise<void>>();
  const seen = new Set<string>();
  const take = (approval: Approval): void => {
    const id = approval.metadata?.id ?? "";
    if (approval.status?.decision || seen.has(id)) return;
    seen.add(id);
    const work = settle(client, approval, { decide, gone: gone.signal }).finally(() => working.delete(work));
    working.add(work);
  };
  const looking = keepLooking(client, take, gone.signal);
  return {
    async [Symbol.asyncDispose]() {
      gone.abort();
      await Promise.all([looking, ...working]);
    },
  };
}

async function keepLooking(client: Client, take: (approval: Approval) => void, gone: AbortSignal): Promise<void> {
  while (!gone.aborted) {
    try {
      const changes = client.service(ApprovalQueryController).watch({ sendInitial: true }, { signal: gone });
      for await (const { object } of changes) if (object) take(object);
    } catch (error) {
      if (!gone.aborted) whileAway(error);
    }
    if (!gone.aborted) await pause(20);
  }
}

type Settling = { readonly decide: Decide; readonly gone: AbortSignal };

async function settle(client: Client, approval: Approval, { decide, gone }: Settling): Promise<void> {
  const decision = await decide(approval);
  const { decide: send } = client.service(ApprovalCommandController);
  while (!gone.aborted) {
    const done = await send({ id: approval.metadata?.id ?? "", decision }, { signal: gone }).catch((error: unknown) =>
      gone.aborted || reasonOf(error) === "APPROVAL_DECIDED" ? true : whileAway(error),
    );
    if (done) return;
    await pause(20);
  }
}

const AWAY = new Set(["BACKEND_UNREACHABLE", "SHUTTING_DOWN"]);

/** The daemon may be away for a moment: the test kills it. */
export function whileAway(error: unknown): undefined {
  if (AWAY.has(reasonOf(error))) return undefined;
  throw error;
}

export function reasonOf(error: unknown): string {
  return (error as { reason?: string }).reason ?? "";
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
