import { AgentQueryController, SessionSchema } from "@stigmer/contracts/agentic";
import type { Backend } from "../backend/open-backend.ts";
import type { Deps } from "../deps.ts";
import { misused } from "../failure.ts";
import { kindOfMessage } from "../kinds/kinds.ts";
import { nameOfKind } from "../kinds/resource-argument.ts";
import { getResource } from "../kinds/resources.ts";

const MAX_NAMED = 8;

type Asked = { readonly agent?: string | undefined; readonly session?: string };

/** The agent that is meant: the one that is named, the session's, or the only one there is. */
export async function agentOfChat(deps: Deps, backend: Backend, { agent, session }: Asked): Promise<string> {
  if (agent !== undefined) return agent;
  const client = backend.client();
  const call = { signal: deps.interrupt };
  if (session !== undefined) {
    const kind = kindOfMessage(SessionSchema);
    const reference = { name: nameOfKind(kind, session), revision: "" };
    const { spec } = await getResource(client, { kind, reference }, call);
    const { agent: name } = (spec ?? {}) as { readonly agent?: string };
    return name ?? "";
  }
  const { items } = await client
    .service(AgentQueryController)
    .list({ org: backend.org, pageSize: MAX_NAMED + 1 }, call);
  const names = items.map(({ metadata }) => metadata?.name ?? "");
  const [only] = names;
  if (only === undefined) {
    throw misused("there is no agent to talk to", 'make one: stigmer agent create <name> --instructions "…"');
  }
  if (names.length === 1) return only;
  const more = names.length > MAX_NAMED ? ", …" : "";
  throw misused("there are several agents", `name one: ${names.slice(0, MAX_NAMED).join(", ")}${more}`);
}
