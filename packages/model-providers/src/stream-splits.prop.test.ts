import { create } from "@bufbuild/protobuf";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { ModelAnswer } from "@stigmer/gateway/port";
import type { Turn } from "@stigmer/standins";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asked, hearing } from "./asked.fake.ts";
import { beside, driver, user, VENDORS, type Vendor } from "./vendors.fake.ts";

const TURN: Turn = {
  thinking: "hm ß",
  text: "häl 😀",
  toolCalls: [
    { name: "read", arguments: { p: "ä" } },
    { name: "now", arguments: {} },
  ],
};
const REQUEST = asked({ messages: [user("hi")], tools: [create(ToolSpecSchema, { name: "read" })] });

type Heard = { readonly answer: ModelAnswer; readonly streamed: string };

/** What the vendor's stand-in sends. */
async function recorded(vendor: Vendor): Promise<{ bytes: Uint8Array; type: string }> {
  let bytes = new Uint8Array();
  let type = "";
  const fetch: typeof globalThis.fetch = async (...args) => {
    const response = await globalThis.fetch(...args);
    type = response.headers.get("content-type") ?? "";
    bytes = new Uint8Array(await response.arrayBuffer());
    return new Response(bytes, { headers: { "content-type": type } });
  };
  await beside(vendor, { handler: () => TURN }, ({ url }) =>
    driver(vendor, url, { fetch }).generate(REQUEST, hearing()),
  );
  return { bytes, type };
}

async function heard(vendor: Vendor, type: string, pieces: readonly Uint8Array[]): Promise<Heard> {
  const fetch = async () =>
    new Response(ReadableStream.from(pieces) as ReadableStream<Uint8Array<ArrayBuffer>>, {
      headers: { "content-type": type },
    });
  let streamed = "";
  const onText = (text: string) => {
    streamed += text;
  };
  const answer = await driver(vendor, "http://localhost", { fetch }).generate(REQUEST, hearing({ onText }));
  return { answer, streamed };
}

/** The bytes cut at each of these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places)].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index] ?? bytes.length));
}

describe.each(VENDORS)("a stream of $name", (vendor) => {
  it("gives the same answer however its bytes are split across reads, and whatever ends its lines", async () => {
    const { bytes, type } = await recorded(vendor);
    const expected = await heard(vendor, type, [bytes]);
    expect(expected.streamed).toBe("häl 😀");
    expect(expected.answer.message.parts.map(({ part }) => part.case)).toEqual([
      "thinking",
      "text",
      "toolCall",
      "toolCall",
    ]);

    const endings = vendor.dialect.framing === "events" ? ["\n", "\r\n", "\r"] : ["\n", "\r\n"];
    for (const ending of endings) {
      const wire = new TextEncoder().encode(new TextDecoder().decode(bytes).replaceAll("\n", ending));
      const places = fc.array(fc.integer({ min: 1, max: wire.length - 1 }), { maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(places, async (ends) => {
          expect(await heard(vendor, type, cut(wire, ends))).toEqual(expected);
        }),
        { numRuns: 150 },
      );
      expect(
        await heard(
          vendor,
          type,
          [...wire].map((byte) => Uint8Array.of(byte)),
        ),
      ).toEqual(expected);
    }
  });

  it("is never an answer where it is cut before its end", async () => {
    const { bytes, type } = await recorded(vendor);
    const whole = await heard(vendor, type, [bytes]);

    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (length) => {
        const answer = await heard(vendor, type, [bytes.subarray(0, length)]).catch(() => undefined);
        if (answer) expect(answer.answer.message).toEqual(whole.answer.message);
      }),
      { numRuns: 150 },
    );
  });
});
