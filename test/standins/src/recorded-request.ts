import type { IncomingMessage } from "node:http";

/** A request as it came, without the value of its key. */
export type RecordedRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON, or the text where it is none. */
  readonly body: unknown;
};

export async function recordRequest(incoming: IncomingMessage): Promise<RecordedRequest> {
  const text = Buffer.concat(await incoming.toArray()).toString("utf8");
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, keyless(name, String(value))]);
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers: Object.fromEntries(headers),
    body: parsed(text),
  };
}

function keyless(name: string, value: string): string {
  if (name === "x-api-key") return "***";
  return name === "authorization" ? value.replace(/^(\S+) .*$/, "$1 ***") : value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
