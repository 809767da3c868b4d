import { equals } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type McpServer,
  McpServerCommandController,
  McpServerQueryController,
  McpServerSchema,
  SignedOutSchema,
  TokenRevocation,
} from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { serverId } from "../mcp/find-server.ts";
import { formatOf } from "../output/format.ts";

export type LogoutOptions = GlobalOptions & { readonly name: string };

/** Forgets the tokens of an MCP server, and says whether whoever issued them has taken them back. */
export async function logout(deps: Deps, options: LogoutOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml", "name"] });
  await using backend = await openBackend(deps, options);
  const how = { signal: deps.interrupt };
  const id = await serverId(deps, backend.client(), options.name);
  const before = await backend.client().service(McpServerQueryController).get({ id }, how);
  const server = await backend.client().service(McpServerCommandController).logout({ id }, how);
  await deps.stderr.write(`${accountOf(before, server)}\n`);
  if (format === "json" || format === "yaml") return await printMessage(deps, McpServerSchema, server, format);
  const word = `mcpserver/${server.metadata?.name ?? options.name}`;
  await deps.stdout.write(format === "name" ? `${word}\n` : `${word} signed out\n`);
}

const ACCOUNTS: Readonly<Record<TokenRevocation, string>> = {
  [TokenRevocation.UNSPECIFIED]: "the tokens are forgotten",
  [TokenRevocation.REVOKED]: "the tokens are forgotten, and their issuer has taken them back",
  [TokenRevocation.NOT_OFFERED]:
    "note: the tokens are forgotten; their issuer offers no way to take them back, so that they end by themselves",
  [TokenRevocation.FAILED]:
    "note: the tokens are forgotten, but their issuer did not take them back: they may be good until they end by themselves",
};

function accountOf(before: McpServer, { status }: McpServer): string {
  const signOut = status?.signOut;
  const earlier = before.status?.signOut;
  // What stands there of a sign-out before is not what happened now.
  const isOld = earlier !== undefined && signOut !== undefined && equals(SignedOutSchema, earlier, signOut);
  if (isOld || (!signOut && !before.status?.signIn)) return "nobody was signed in";
  const until = before.status?.signIn?.expireTime;
  const account = ACCOUNTS[signOut?.revocation ?? TokenRevocation.UNSPECIFIED];
  const isLeft = signOut?.revocation === TokenRevocation.NOT_OFFERED || signOut?.revocation === TokenRevocation.FAILED;
  return isLeft && until ? `${account} (the access token at ${timestampDate(until).toISOString()})` : account;
}
