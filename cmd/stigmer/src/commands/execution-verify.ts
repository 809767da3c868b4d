import { create } from "@bufbuild/protobuf";
import type { Client } from "@stigmer/client";
import {
  ExecutionQueryController,
  type VerifyExecutionResponse,
  VerifyExecutionResponseSchema,
} from "@stigmer/contracts/agentic";
import { openBackend } from "../backend/open-backend.ts";
import type { GlobalOptions } from "../command-line.ts";
import type { Deps } from "../deps.ts";
import { type Chain, EMPTY_CHAIN, equal, extend, hashText } from "../execution/chain.ts";
import { executionId } from "../execution/find-execution.ts";
import { failed } from "../failure.ts";
import { printMessage } from "../kinds/message-printer.ts";
import { formatOf } from "../output/format.ts";

export type VerifyOptions = GlobalOptions & { readonly name: string };

/** Computes the chain from the entries themselves, and asks the backend too; both must say the same. */
export async function verify(deps: Deps, options: VerifyOptions): Promise<void> {
  const format = formatOf(options.output, { isTTY: deps.stdout.isTTY, allowed: ["table", "json", "yaml"] });
  await using backend = await openBackend(deps, options);
  const client = backend.client();
  const id = await executionId(deps, client, options.name);
  const journals = client.service(ExecutionQueryController);
  // Asked first: an execution that goes on is longer by the time its entries are read.
  const word = await journals.verify({ executionId: id }, { signal: deps.interrupt });
  const read = await readChain(deps, client, { id, upTo: Number(word.entries) });
  const { chain } = read;
  if (format === "json" || format === "yaml")
    await printMessage(deps, VerifyExecutionResponseSchema, answerOf(chain), format);
  const wrong = disagreement(read, word);
  if (wrong) throw failed(`execution ${id}: ${wrong}`, "its record is not what was written; do not rely on it");
  if (format === "json" || format === "yaml") return;
  await deps.stdout.write(`verified: ${chain.entries} entries, head ${hashText(chain.head)}\n`);
}

/** A chain, and the hash that it had where the backend looked. */
export type ReadChain = { readonly chain: Chain; readonly headThen: Uint8Array };

async function readChain(
  deps: Deps,
  client: Client,
  of: { readonly id: string; readonly upTo: number },
): Promise<ReadChain> {
  const request = { executionId: of.id, fromSequence: 1n, stopAtEnd: true };
  let chain = EMPTY_CHAIN;
  let headThen = chain.head;
  for await (const { message } of client
    .service(ExecutionQueryController)
    .subscribe(request, { signal: deps.interrupt })) {
    if (message.case !== "entry") continue;
    chain = extend(chain, message.value);
    if (chain.entries === of.upTo) headThen = chain.head;
  }
  return { chain, headThen };
}

/** What is wrong, in words; undefined where the entries and the backend's word agree that nothing is. */
export function disagreement(
  { chain, headThen }: ReadChain,
  word: Pick<VerifyExecutionResponse, "valid" | "entries" | "head" | "brokenAt">,
): string | undefined {
  if (chain.brokenAt > 0) return `the journal is broken at sequence ${chain.brokenAt}`;
  if (!word.valid) return `the backend says that the journal is broken at sequence ${word.brokenAt}`;
  if (chain.entries < word.entries)
    return `the journal ends at sequence ${chain.entries}, but the backend has counted ${word.entries}`;
  if (equal(headThen, word.head)) return undefined;
  return `the backend says that entry ${word.entries} has the hash ${hashText(word.head)}, but it is ${hashText(headThen)}`;
}

function answerOf(chain: Chain): VerifyExecutionResponse {
  return create(VerifyExecutionResponseSchema, {
    valid: chain.brokenAt === 0,
    entries: BigInt(chain.entries),
    head: chain.head,
    brokenAt: BigInt(chain.brokenAt),
  });
}
