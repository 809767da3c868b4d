import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  create,
  type DescMessage,
  type DescService,
  fromJson,
  hasOption,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { uploadBlob } from "@stigmer/client";
import { connectTo } from "@stigmer/client/node";
import { AgentQueryController } from "@stigmer/contracts/agentic";
import { ApiResourceCommandController, ApplyRequestSchema, kind } from "@stigmer/contracts/commons";
import { files } from "@stigmer/contracts/files";
import { ROOT } from "@stigmer/e2e/harness";
import { parse } from "yaml";
import type { Vocabulary } from "../inputs/message.ts";
import { SENTINEL, type Victim } from "./victim.ts";

/** What inputs are made for. */
export type World = {
  readonly victim: Victim;
  readonly services: readonly DescService[];
  readonly vocabulary: Vocabulary;
  /** Whole requests that the backend takes. */
  readonly requests: readonly { readonly path: string; readonly message: Uint8Array }[];
  /** Texts of manifests that the CLI takes. */
  readonly manifests: readonly string[];
};

const EXAMPLES = join(ROOT, "examples/resources");
/** What the example of a skill names by its digest. */
const SKILL_MD = new TextEncoder().encode(`---
name: first-skill
description: How this team writes release notes. Use it whenever a release is announced.
---

One line for each change, for whoever uses it.
`);

/** Applies the examples, so that there is something to refer to, and learns the words that stand for it. */
export async function prepareWorld(victim: Victim): Promise<World> {
  const services = files.flatMap((file) => file.services);
  const kinds = files.flatMap((file) => file.messages).filter((message) => hasOption(message, kind));
  const manifests = readdirSync(EXAMPLES)
    .sort()
    .map((name) => readFileSync(join(EXAMPLES, name), "utf8"));
  const resources = manifests.map((text) => resourceOf(text, kinds));
  const client = connectTo({ url: victim.url });
  try {
    await uploadBlob(client, SKILL_MD);
    const commands = client.service(ApiResourceCommandController);
    for (const { desc, message } of resources) await commands.apply({ resource: anyPack(desc, message) });
    const { list } = client.service(AgentQueryController);
    const { nextPageToken } = await list({ pageSize: 1 });
    const { items, resumeToken } = await list({});
    const free = items.filter(({ metadata }) => metadata?.name !== SENTINEL);
    const words = wordsOf(kinds, {
      id: free.map(({ metadata }) => metadata?.id ?? ""),
      page_token: [nextPageToken || "none"],
      resume_token: [resumeToken || "none"],
    });
    const path = `/${ApiResourceCommandController.typeName}/apply`;
    const requests = resources.map(({ desc, message }) => {
      const request = create(ApplyRequestSchema, { resource: anyPack(desc, message) });
      return { path, message: toBinary(ApplyRequestSchema, request) };
    });
    return { victim, services, vocabulary: { words, kinds }, requests, manifests };
  } finally {
    client.close();
  }
}

function resourceOf(text: string, kinds: readonly DescMessage[]): { desc: DescMessage; message: Message } {
  const value = parse(text);
  const desc = kinds.find(({ name }) => name === value.kind);
  if (!desc) throw new Error(`no kind ${value.kind}`);
  return { desc, message: fromJson(desc, value) };
}

function wordsOf(kinds: readonly DescMessage[], found: Record<string, readonly string[]>) {
  const own = Object.fromEntries(kinds.map(({ name }) => [`${name}.kind`, [name, name, name, ""]]));
  return {
    ...own,
    kind: kinds.map(({ name }) => name),
    api_version: ["agentic.stigmer.ai/v1", ""],
    name: ["reviewer", "a", "a-1", "notes", "b2"],
    agent: ["reviewer", "a"],
    session: ["a"],
    org: ["local", ""],
    model: ["ollama/qwen3", "scripted/none.yaml", ""],
    instructions: ["You review."],
    message: ["hello"],
    labels: ["team", "platform"],
    tag: ["stable", "v1"],
    revision: ["", "stable", `sha256:${"0".repeat(64)}`],
    resource_version: ["", "1", "7"],
    min_resource_version: ["", "1", "999999"],
    service: ["", "ai.stigmer.agentic.agent.v1.AgentQueryController"],
    workspace: ["/nonexistent"],
    ...found,
  };
}
