import { create } from "@bufbuild/protobuf";
import { MessageSchema, Role } from "@stigmer/contracts/agentic";
import type { ModelAnswer } from "@stigmer/gateway/port";
import { openaiStandin } from "@stigmer/standins";
import { expect, it } from "vitest";
import { openaiCompatible } from "./openai-compatible.ts";

const USER = create(MessageSchema, { role: Role.USER, parts: [{ part: { case: "text", value: "hi" } }] });
const TURN = {
  text: "häl 😀",
  toolCalls: [
    { name: "read", arguments: { p: "ä" } },
    { name: "now", arguments: "" },
  ],
};

// What the stand-in sends, once with each line ending that the standard allows.
async function answers(): Promise<Uint8Array[]> {
  await using standin = await openaiStandin({ handler: () => TURN });
  const body = { model: "m", messages: [{ role: "user" }], stream: true, stream_options: { include_usage: true } };
  const response = await fetch(`${standin.url}/chat/completions`, { method: "POST", body: JSON.stringify(body) });
  const text = await response.text();
  return ["\n", "\r\n", "\r"].map((ending) => new TextEncoder().encode(text.replaceAll("\n", ending)));
}

async function folded(pieces: readonly Uint8Array[]): Promise<{ answer: ModelAnswer; streamed: string }> {
  const fetch = async () =>
    new Response(ReadableStream.from(pieces) as ReadableStream<Uint8Array<ArrayBuffer>>, {
      headers: { "content-type": "text/event-stream" },
    });
  const options = { name: "x", baseUrl: "http://localhost", firstByteTimeoutMs: 10_000, idleTimeoutMs: 10_000, fetch };
  let streamed = "";
  const answer = await openaiCompatible(options).generate(
    { model: "m", messages: [USER], tools: [] },
    {
      signal: new AbortController().signal,
      onText: (text) => {
        streamed += text;
      },
    },
  );
  return { answer, streamed };
}

it("folds the same answer however its bytes are split across reads", async () => {
  for (const bytes of await answers()) {
    const expected = await folded([bytes]);
    expect(expected.streamed).toBe("häl 😀");
    expect(expected.answer.message.parts).toHaveLength(3);

    for (let at = 1; at < bytes.length; at++) {
      expect(await folded([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
    }
    expect(await folded([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
  }
});
