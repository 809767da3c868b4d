import { create } from "@bufbuild/protobuf";
import { ModelOptionsSchema, ThinkingEffort } from "@stigmer/contracts/agentic";
import { ToolSpecSchema } from "@stigmer/contracts/gateway";
import type { GenerateOptions, ModelAnswer, ModelRequest } from "@stigmer/gateway/port";
import type { RecordedRequest, Turn } from "@stigmer/standins";
import { describe, expect, it } from "vitest";
import { asked, hearing } from "./asked.fake.ts";
import { assistant, beside, called, callsIn, driver, faultOf, results, user, type Vendor } from "./vendors.fake.ts";

const READ = create(ToolSpecSchema, { name: "read" });
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const PICTURE = new Uint8Array([137, 80, 78, 71, 1, 2, 3]);
const BASE64 = Buffer.from(PICTURE).toString("base64");

/** What every driver promises of its requests, which the stand-ins check as strictly as their vendors. */
export function requestsSuite(vendor: Vendor): void {
  async function sent(
    fields: Partial<ModelRequest>,
    hooks: Partial<GenerateOptions> = {},
    turn: Turn = { text: "yes" },
  ): Promise<{ answer: ModelAnswer; body: string; request: RecordedRequest | undefined }> {
    return await beside(vendor, { handler: () => turn }, async ({ url, requests }) => {
      const request = asked({ model: vendor.model, messages: [user("go")], ...fields });
      const answer = await driver(vendor, url).generate(request, hearing(hooks));
      return { answer, body: JSON.stringify(requests[0]?.body), request: requests[0] };
    });
  }

  it("says how the model is to be asked", async () => {
    const options = create(ModelOptionsSchema, {
      temperature: 0.5,
      maxOutputTokens: 3000n,
      thinking: ThinkingEffort.NONE,
    });

    expect((await sent({ options })).body).toContain("3000");
  });

  it.each([ThinkingEffort.NONE, ThinkingEffort.LOW, ThinkingEffort.MEDIUM, ThinkingEffort.HIGH])(
    "asks for an effort of %i in a way that the vendor takes",
    async (thinking) => {
      const options = create(ModelOptionsSchema, { thinking, temperature: 1.5 });

      await expect(sent({ options })).resolves.toBeDefined();
    },
  );

  it("asks for an answer that fits a schema, with tools and without", async () => {
    const outputSchema = JSON.stringify(SCHEMA);

    for (const tools of [[], [READ]]) {
      const { body } = await sent({ outputSchema, tools });
      expect(body.replaceAll("\\", "")).toContain('"city"');
    }
    await expect(sent({ outputSchema: JSON.stringify({ type: "object", properties: {} }) })).resolves.toBeDefined();
    expect(await faultOf(sent({ outputSchema: "[" }))).toMatchObject({ reason: "INVALID_REQUEST" });
  });

  describe("files", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const file = (name: string, mediaType: string, size = 7n) => ({
      part: { case: "attachment" as const, value: { name, mediaType, digest, size } },
    });
    const readBlob = async () => PICTURE;

    it("of a picture go along with the user's words", async () => {
      const { body } = await sent({ messages: [user("what is it?", file("a.png", "image/png"))] }, { readBlob });

      expect(body).toContain(BASE64);
      expect(body).toContain("what is it?");
    });

    it("of text go along as text", async () => {
      const read = async () => new TextEncoder().encode("milk and honey");
      const { body } = await sent({ messages: [user(file("notes.md", "text/markdown"))] }, { readBlob: read });

      expect(body).toContain("notes.md");
      expect(body).toContain("milk and honey");
    });

    it("that a tool returned are shown too", async () => {
      const seen = results([{ id: "c1" }], [file("a.png", "image/png").part.value]);
      const { body } = await sent({ messages: [user("go"), called("c1"), seen], tools: [READ] }, { readBlob });

      expect(body).toContain(BASE64);
    });

    it("that a tool returned and no model can look at are only named", async () => {
      const seen = results([{ id: "c1" }], [file("a.ogg", "audio/ogg").part.value]);
      const { body } = await sent({ messages: [user("go"), called("c1"), seen], tools: [READ] }, { readBlob });

      expect(body).toContain("cannot be shown to this model");
    });

    it.each(["audio/ogg", "image/tiff", "application/zip"])(
      "of type %s are refused, saying what is taken",
      async (type) => {
        const fault = await faultOf(sent({ messages: [user(file("a.x", type))] }, { readBlob }));

        expect(fault).toMatchObject({ kind: "precondition", reason: "PROVIDER_REFUSED" });
        expect(fault.message).toMatch(/cannot be shown "a\.x" .*it takes text, /);
      },
    );

    it("that are too large are refused before they are read", async () => {
      const read = () => Promise.reject(new Error("read"));
      const messages = [user(file("a.png", "image/png", 30_000_000n))];

      expect((await faultOf(sent({ messages }, { readBlob: read }))).message).toMatch(/larger than \d+ bytes/);
    });

    it("that are larger than they say are refused", async () => {
      const read = async () => new Uint8Array(23 * 1024 * 1024);
      const messages = [user(file("a.png", "image/png"))];

      expect((await faultOf(sent({ messages }, { readBlob: read }))).reason).toBe("PROVIDER_REFUSED");
    });
  });

  describe("thoughts", () => {
    const turn: Turn = { thinking: "hm, let me see", toolCalls: [{ id: "c1", name: "read", arguments: {} }] };

    it("go back to the provider that made them, until the model has answered", async () => {
      const { answer } = await sent({ tools: [READ] }, {}, turn);
      const messages = [user("go"), answer.message, results(callsIn(answer))];
      const { body } = await sent({ messages, tools: [READ] });

      expect(answer.message.parts.map(({ part }) => part.case)).toEqual(["thinking", "toolCall"]);
      expect(body).toContain("hm, let me see");
    });

    it("of another provider stay away", async () => {
      const thinking = { text: "a secret of theirs", signature: "sig_9", provider: "theirs", redacted: false };
      const messages = [user("go"), assistant({ part: { case: "thinking", value: thinking } }, "done"), user("and?")];
      const { body } = await sent({ messages });

      expect(body).not.toContain("a secret of theirs");
      expect(body).not.toContain("sig_9");
    });

    it("that led to nothing are left out", async () => {
      const thinking = { text: "hm", signature: "sig_9", provider: "mine", redacted: false };
      const messages = [user("go"), assistant({ part: { case: "thinking", value: thinking } }), user("and?")];

      await expect(sent({ messages })).resolves.toBeDefined();
    });
  });

  it("takes up a conversation that another vendor led: strange ids, repeated ids, rubbish for arguments", async () => {
    const ids = ["a.b:c", "a.b:c", "x".repeat(60), "call_0", "call_0"];
    const messages = ids.flatMap((id) => [called(id, "{oops"), results([{ id }])]);

    await expect(sent({ messages: [user("go"), ...messages], tools: [READ] })).resolves.toBeDefined();
  });

  it("counts tokens by their kind", async () => {
    const { answer } = await sent({}, {}, { text: "yes", usage: { cached: 30, cacheWrite: 20, reasoning: 10 } });
    const { cachedInputTokens, cacheWriteTokens, reasoningTokens, inputTokens } = answer.usage;

    expect([0n, 30n]).toContain(cachedInputTokens);
    expect([0n, 20n]).toContain(cacheWriteTokens);
    expect([0n, 10n]).toContain(reasoningTokens);
    if (cacheWriteTokens > 0n) expect(inputTokens).toBe(51n);
  });
}
