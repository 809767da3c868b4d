// biome-ignore lint/suspicious/noExplicitAny: what a backend answers has a type only where the contract is known
export type JsonMessage = any;

export type JsonCall = { readonly url: string; readonly method: string; readonly body: unknown };

/** Makes one unary call in JSON, as `curl` would, and returns the answer. Throws what the backend refuses it with. */
export async function call({ url, method, body }: JsonCall): Promise<JsonMessage> {
  const response = await fetch(new URL(method, url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method}: ${text}`);
  return JSON.parse(text);
}

const FRAME_HEAD = 5;

/** The first `count` messages of a stream, in Connect's framing; the stream is given up afterwards. */
export async function watch(of: JsonCall & { readonly count: number }): Promise<readonly JsonMessage[]> {
  const given = new AbortController();
  const response = await fetch(new URL(of.method, of.url), {
    method: "POST",
    headers: { "content-type": "application/connect+json" },
    body: frame(JSON.stringify(of.body)),
    signal: given.signal,
  });
  if (!response.body) throw new Error(`${of.method}: no answer`);
  const messages: JsonMessage[] = [];
  let left = Buffer.alloc(0);
  for await (const chunk of response.body) {
    left = Buffer.concat([left, chunk]);
    while (left.length >= FRAME_HEAD && left.length >= FRAME_HEAD + left.readUInt32BE(1)) {
      const end = FRAME_HEAD + left.readUInt32BE(1);
      messages.push(JSON.parse(left.toString("utf8", FRAME_HEAD, end)));
      left = left.subarray(end);
    }
    if (messages.length >= of.count) break;
  }
  given.abort();
  return messages;
}

function frame(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32BE(bytes.length, 1);
  return new Uint8Array([...head, ...bytes]);
}
