import type { Attachment, Message, ModelCallFinished } from "@stigmer/contracts/agentic";
import type { ToolSpec } from "@stigmer/contracts/gateway";

/** A request, as far as its length counts; the messages with their hashes and encodings, in order. */
export type Sized = {
  readonly messages: readonly Message[];
  readonly encoded: readonly { readonly hash: Uint8Array; readonly bytes: Uint8Array }[];
  readonly tools: readonly ToolSpec[];
  readonly outputSchema: string;
};

/** The newest model call of a conversation, and what it was asked. */
export type Before = {
  readonly hashes: readonly Uint8Array[];
  readonly finished: ModelCallFinished | undefined;
};

/** What providers put around a message, and around tools. */
const AROUND_MESSAGE = 32;
const AROUND_TOOLS = 1_024;
/** No provider makes more of an image. */
const IMAGE_TOKENS = 8_192;

/**
 * Tokens that a request has at most. No token is less than a byte of text; of messages that were in a call before, the provider
 * has counted the tokens.
 */
export function mostInputTokens(request: Sized, before: Before, model: string): bigint {
  const around = tokensAround(request);
  const all = around + tokensOf(request, 0);
  const known = knownTokens(request, before, model);
  if (known === undefined) return BigInt(all);
  const more = around + tokensOf(request, before.hashes.length) + known;
  return BigInt(Math.min(all, more));
}

function tokensAround({ tools, outputSchema }: Sized): number {
  const texts = tools.flatMap(({ name, description, inputSchema }) => [name, description, inputSchema]);
  const bytes = [...texts, outputSchema].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes === 0 ? 0 : bytes + AROUND_TOOLS;
}

function tokensOf({ messages, encoded }: Sized, from: number): number {
  const bytes = encoded.slice(from).reduce((sum, { bytes: one }) => sum + one.length + AROUND_MESSAGE, 0);
  return (
    bytes +
    messages
      .slice(from)
      .flatMap(attachmentsOf)
      .reduce((sum, one) => sum + attachmentTokens(one), 0)
  );
}

function attachmentsOf({ parts }: Message): readonly Attachment[] {
  return parts.flatMap(({ part }) => {
    if (part.case === "attachment") return [part.value];
    return part.case === "toolResult" ? part.value.attachments : [];
  });
}

function attachmentTokens({ mediaType, size }: Attachment): number {
  return mediaType.startsWith("image/") ? IMAGE_TOKENS : Number(size);
}

/** What the provider counted for the conversation with which the request begins; undefined where it begins with another one. */
function knownTokens({ encoded }: Sized, { hashes, finished }: Before, model: string): number | undefined {
  const counted = finished?.model === model ? finished.usage?.inputTokens : undefined;
  if (!counted || hashes.length > encoded.length) return undefined;
  const isSame = hashes.every((hash, at) => Buffer.compare(hash, encoded[at]?.hash ?? new Uint8Array()) === 0);
  return isSame ? Number(counted) : undefined;
}
