import type { ToolListing } from "@stigmer/sdk";
import type { Session } from "./session.ts";
import { createPerson, type Registration, signingIn } from "./sign-in.ts";

/** What is done with the server of a scenario; the context is what the runner says of it. */
type Play = (session: Session, context: Context) => Promise<unknown>;
type Context = Registration & {
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: unknown }[];
};

/** What is done in a scenario. Throws for one that is not known. */
export function scenarioNamed(name: string): Play {
  const play = name.startsWith("auth/") ? callEveryToolSignedIn : PLAYS[name];
  if (!play) throw new Error(`the scenario ${JSON.stringify(name)} is not known`);
  return play;
}

const PLAYS: Readonly<Record<string, Play>> = {
  initialize: ({ tools }) => tools(),
  tools_call: async ({ tools, call }) => {
    await tools();
    await call("add_numbers", { a: 5, b: 3 });
  },
  "elicitation-sep1034-client-defaults": callEveryTool,
  "sse-retry": callEveryTool,
  "request-metadata": callEveryTool,
  "sep-2322-client-request-state": callEveryTool,
  "http-standard-headers": readEverything,
  "http-custom-headers": async ({ tools, call }, { toolCalls = [] }) => {
    await tools();
    for (const { name, arguments: args } of toolCalls) await call(name, args);
  },
  "http-invalid-tool-headers": callEveryTool,
  "json-schema-ref-no-deref": ({ tools }) => tools(),
  "json-schema-2020-12-preservation": async ({ tools, call }) => {
    const listed = await tools();
    const focal = listed.find(({ tool }) => tool !== "json_schema_echo");
    await call("json_schema_echo", { schema: JSON.parse(focal?.inputSchema ?? "") });
  },
};

async function callEveryTool({ tools, call }: Session): Promise<void> {
  for (const { tool } of await tools()) await call(tool);
}

async function callEveryToolSignedIn(session: Session, context: Context): Promise<void> {
  const person = createPerson(context);
  const tools = await signingIn(session, person, () => session.tools());
  for (const { tool } of tools) await signingIn(session, person, () => session.call(tool));
}

/** All that a model could ask of a server. */
async function readEverything(session: Session): Promise<void> {
  const tools = await session.tools();
  const names = new Set(tools.map(({ tool }) => tool));
  for (const listing of tools) if (!READERS.has(listing.tool)) await session.call(listing.tool, argumentsFor(listing));
  if (names.has("list_resources")) {
    const { resources } = JSON.parse((await session.call("list_resources")).content);
    for (const { uri } of resources) await session.call("read_resource", { uri });
  }
  if (names.has("list_prompts")) {
    const { prompts } = JSON.parse((await session.call("list_prompts")).content);
    for (const { name } of prompts) await session.call("get_prompt", { name });
  }
}

const READERS = new Set(["list_resources", "read_resource", "list_prompts", "get_prompt"]);

function argumentsFor({ inputSchema }: ToolListing): Record<string, string> {
  const { required = [] } = JSON.parse(inputSchema) as { readonly required?: readonly string[] };
  return Object.fromEntries(required.map((name) => [name, "x"]));
}
