import type { LightClient } from "@stigmer/client/light";
import { allKinds } from "../kinds/kinds.ts";

/** The same client, whose calls about a kind's resources are made for an organization where they name none. */
export function withOrg(client: LightClient, org: string): LightClient {
  if (!org) return client;
  const takesOrg = (path: string): boolean =>
    allKinds().some(({ verbs }) =>
      Object.values(verbs).some((verb) => verb.path === path && verb.fields.includes("org")),
    );
  return {
    ...client,
    json: async (call, options) =>
      await client.json(takesOrg(call.path) ? { ...call, request: { org, ...call.request } } : call, options),
  };
}
