import { createRedactor, type Redactor } from "@stigmer/sdk";

/** Hides secrets in what a server says. */
export interface Masker {
  /** From now on these are hidden too; what was known before stays hidden. */
  add(secrets: readonly string[]): void;
  /** The text with `***` for every secret in it, in whatever form: as it is, in base64, in a URL, in JSON and the like. */
  mask(text: string): string;
  /** For a text that comes in pieces: a secret that is cut anywhere is hidden all the same. */
  stream: Redactor["stream"];
  /** A file's content, masked where it is text; undefined where it is none and holds a secret. */
  maskContent(content: Uint8Array): Uint8Array | undefined;
}

export const MASK = "***";

export function createMasker(secrets: readonly string[]): Masker {
  const redactor = createRedactor();
  // What is no text is looked through byte by byte.
  const bytewise = createRedactor();
  const add = (more: readonly string[]): void => {
    redactor.add(more);
    bytewise.add(more.map((secret) => Buffer.from(secret, "utf8").toString("latin1")));
  };
  add(secrets);
  return {
    add,
    mask: redactor.text,
    stream: redactor.stream,
    maskContent(content) {
      if (redactor.isEmpty()) return content;
      const text = textOf(content);
      if (text === undefined) {
        const letters = Buffer.from(content).toString("latin1");
        return bytewise.text(redactor.text(letters)) === letters ? content : undefined;
      }
      const shown = redactor.text(text);
      return shown === text ? content : new TextEncoder().encode(shown);
    },
  };
}

function textOf(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}
