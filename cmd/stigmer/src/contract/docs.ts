/** What the contract says about its messages, fields and enums, by full name. */
export type Docs = { of(name: string): string };

/** Loads the contract's comments, which are large and which most commands never need. */
export async function loadDocs(): Promise<Docs> {
  const { docs } = await import("@stigmer/contracts/docs");
  return { of: (name) => (Object.hasOwn(docs, name) ? (docs[name] ?? "") : "") };
}

/** The first sentence of a comment, on one line. */
export function firstSentence(text: string): string {
  const line = text.split("\n\n")[0]?.replace(/\s+/g, " ").trim() ?? "";
  return /^.*?[.](?=\s|$)/.exec(line)?.[0] ?? line;
}
