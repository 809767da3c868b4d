import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { McpServerSpecSchema } from "@stigmer/contracts/agentic";
import { files } from "@stigmer/contracts/files";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quickRules } from "./quick-rules.ts";
import { messages } from "./random-messages.fake.ts";

/** Every message type of ours that a request of the contract is, or holds. */
const types = new Set(
  files.flatMap(({ services }) => services.flatMap(({ methods }) => methods.map(({ input }) => input))),
);
for (const { fields } of types) for (const { message } of fields) if (message) types.add(message);
const ours = [...types]
  .filter(({ typeName }) => typeName.startsWith("ai.stigmer."))
  .map((type) => [type.typeName, type] as const);

describe("the quick check", () => {
  const validator = createValidator();
  const quickOf = quickRules();

  it.each(ours)("knows every rule of %s", (_, schema) => {
    expect(quickOf(schema)).toBeDefined();
  });

  it.each(ours)("finds of %s what protovalidate finds", (_, schema) => {
    const quick = quickOf(schema);

    fc.assert(
      fc.property(messages(schema), (message) => {
        const { kind } = validator.validate(schema, message);

        expect(quick?.(message)).toBe(kind === "valid");
      }),
      { numRuns: 150 },
    );
  });

  it("is never sure of a span that is not written as it should be", () => {
    const nanos = fc.constantFrom(-1, 1_000_000_000, 2 ** 31 - 1);
    const quick = quickOf(McpServerSpecSchema);

    fc.assert(
      fc.property(fc.bigInt(-2n, 5_000n), nanos, (seconds, nanos) => {
        const transport = { case: "http" as const, value: { url: "https://a" } };

        expect(quick?.(create(McpServerSpecSchema, { transport, callTimeout: { seconds, nanos } }))).toBe(false);
      }),
    );
  });

  it("is tried with messages that are valid and with messages that are not", () => {
    const kinds = ours.map(([, schema]) => {
      const sample = fc.sample(messages(schema), { numRuns: 150, seed: 1 });
      return sample.filter((message) => validator.validate(schema, message).kind === "valid").length;
    });

    expect(kinds.filter((valid) => valid === 0)).toEqual([]);
    expect(kinds.filter((valid) => valid < 150).length).toBeGreaterThan(kinds.length / 2);
  });
});
