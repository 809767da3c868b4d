import type { Attachment, Message } from "@stigmer/contracts/agentic";
import type { GenerateOptions } from "@stigmer/gateway/port";

/** Contents by digest, as far as a request needs them. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** What a file is to a model: an image or a document that it looks at, or text that it reads. */
export type FileKind = "image" | "pdf" | "text";

/** All files of one request; base64 makes this a third more, which every vendor takes. */
const MAX_FILE_BYTES = 22 * 1024 * 1024;

const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

export function kindOf({ mediaType }: Attachment): FileKind | undefined {
  if (IMAGES.has(mediaType)) return "image";
  if (mediaType === "application/pdf") return "pdf";
  return mediaType.startsWith("text/") || mediaType === "application/json" ? "text" : undefined;
}

/** Why the files of a request cannot be sent. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";
}

/** Reads the attachments that a model can be shown, each once. Throws `FileProblem` where they are larger than a request may be. */
export async function readFiles(
  messages: readonly Message[],
  { readBlob, signal }: Pick<GenerateOptions, "readBlob" | "signal">,
): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  let room = MAX_FILE_BYTES;
  for (const attachment of messages.flatMap(attachmentsOf)) {
    if (files.has(attachment.digest) || kindOf(attachment) === undefined) continue;
    if (attachment.size > BigInt(room)) throw tooLarge();
    const bytes = await readBlob(attachment.digest);
    signal.throwIfAborted();
    room -= bytes.length;
    if (room < 0) throw tooLarge();
    files.set(attachment.digest, bytes);
  }
  return files;
}

function attachmentsOf({ parts }: Message): readonly Attachment[] {
  return parts.flatMap(({ part }) => {
    if (part.case === "attachment") return [part.value];
    return part.case === "toolResult" ? part.value.attachments : [];
  });
}

function tooLarge(): FileProblem {
  return new FileProblem(`the conversation's files are larger than ${MAX_FILE_BYTES} bytes together`);
}
