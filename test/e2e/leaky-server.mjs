// An MCP server that puts its variable TOKEN wherever it is told to. Messages are lines of JSON on standard input and output.
import { createInterface } from "node:readline";

const secret = process.env.TOKEN ?? "";

const FORMS = {
  raw: () => secret,
  json: () => JSON.stringify({ token: secret }),
  twice: () => JSON.stringify({ text: JSON.stringify({ token: secret }) }),
  base64: () => Buffer.from(secret).toString("base64"),
  basic: () => Buffer.from(`user:${secret}`).toString("base64"),
  shifted: () => Buffer.from(`u:${secret}:and more`).toString("base64"),
  mime: () => encodedInLines({ columns: 76, end: "\r\n" }),
  pem: () => encodedInLines({ columns: 64, end: "\n" }),
  base64url: () => Buffer.from(`{"k":"${secret}"}`).toString("base64url"),
  url: () => `https://api.test/v1?token=${encodeURIComponent(secret)}&x=1`,
  form: () => new URLSearchParams({ token: secret }).toString(),
  hex: () => Buffer.from(secret).toString("hex"),
  doubled: () => secret + secret,
  long: () => `${"x".repeat(200_000)}${secret}${"y".repeat(200_000)}`,
};

/** The line ends within the secret. */
function encodedInLines({ columns, end }) {
  const encoded = Buffer.from(`${"x".repeat(40)}${secret}${"y".repeat(40)}`).toString("base64");
  return encoded.match(new RegExp(`.{1,${columns}}`, "g")).join(end);
}

const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

const PATHS = {
  result: (text) => ({ result: { content: [{ type: "text", text: `before ${text} after` }] } }),
  structured: (text) => ({ result: { content: [], structuredContent: { token: text } } }),
  failure: (text) => ({ result: { content: [{ type: "text", text: stackOf(text) }], isError: true } }),
  error: (text) => ({ error: { code: -32000, message: `refused: ${text}`, data: { token: text } } }),
  artifact: (text) => ({
    result: {
      content: [
        { type: "resource", resource: { uri: "file:///env.txt", mimeType: "text/plain", text: `TOKEN=${text}` } },
        {
          type: "resource",
          resource: {
            uri: "file:///a.env",
            mimeType: "text/plain",
            blob: Buffer.from(`TOKEN=${text}`).toString("base64"),
          },
        },
        {
          type: "image",
          mimeType: "image/png",
          data: Buffer.concat([Buffer.of(0x89, 0xff, 0), Buffer.from(text), Buffer.of(0xff)]).toString("base64"),
        },
      ],
    },
  }),
  stderr(text) {
    process.stderr.write(`connecting with ${text}\n`);
    for (const character of text.slice(0, 500)) process.stderr.write(character);
    process.stderr.write("\n");
    return PATHS.result(text);
  },
  crash(text) {
    process.stderr.write(`fatal: ${text}\n`, () => process.exit(1));
    return undefined;
  },
};

function stackOf(text) {
  return new Error(`connect failed with ${text}`).stack ?? "";
}

const TOOL = {
  name: "leak",
  description: `puts ${secret} somewhere`,
  inputSchema: { type: "object", properties: { path: { type: "string" }, form: { type: "string" } } },
  annotations: { readOnlyHint: true },
};

const METHODS = {
  initialize: ({ params }) => ({
    result: {
      protocolVersion: params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: "leaky", version: "1" },
      instructions: `the token is ${secret}`,
    },
  }),
  "tools/list": () => ({ result: { tools: [TOOL, { ...TOOL, name: "act", annotations: {} }] } }),
  "tools/call"({ params }) {
    const { path = "result", form = "raw" } = params.arguments ?? {};
    const progressToken = params._meta?.progressToken;
    if (progressToken !== undefined)
      say({
        method: "notifications/progress",
        params: { progressToken, progress: 1, message: `with ${FORMS[form]()}` },
      });
    say({ method: "notifications/message", params: { level: "error", data: `with ${FORMS[form]()}` } });
    return PATHS[path](FORMS[form]());
  },
  ping: () => ({ result: {} }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.id === undefined) continue;
  const answer =
    METHODS[message.method]?.(message) ??
    (message.method === "tools/call" ? undefined : { error: { code: -32601, message: "unknown" } });
  if (answer) say({ id: message.id, ...answer });
}
