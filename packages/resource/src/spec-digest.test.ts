import { create, createFileRegistry, fromJson, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import {
  AgentCommandController,
  AgentSchema,
  McpServerCommandController,
  McpServerSchema,
} from "@stigmer/contracts/agentic";
import { field as fieldOption, FieldOptionsSchema as OurOptions } from "@stigmer/contracts/commons";
import { describe, expect, it } from "vitest";
import type { Json } from "./digest.ts";
import { defineKind, type Kind, type Resource } from "./kind.ts";
import type { Keys } from "./port.ts";
import { specDigest } from "./spec-digest.ts";

const keysOf = (salt: string): Keys => ({
  mac: (use, text) => new TextEncoder().encode(`${salt}/${use}/${text}`),
  seal: (_, plain) => plain,
  open: (_, sealed) => sealed,
});
const keys = keysOf("a");
const agent = defineKind({ message: AgentSchema, services: [AgentCommandController] });
const server = defineKind({ message: McpServerSchema, services: [McpServerCommandController] });
const digestOf = (spec: MessageInitShape<typeof AgentSchema>["spec"]): string =>
  specDigest(keys, agent, create(AgentSchema, { spec }) as Resource);

describe("the digest of a spec", () => {
  it("moves with every field", () => {
    const digests = [{ instructions: "a" }, { instructions: "b" }, { instructions: "a", maxTurns: 1 }].map(digestOf);

    expect(new Set(digests).size).toBe(3);
    for (const digest of digests) expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("does not depend on the order in which maps were filled", () => {
    const digests = [
      { a: "1", b: "2" },
      { b: "2", a: "1" },
    ].map((env) => {
      const spec = { transport: { case: "stdio" as const, value: { command: "x", env } } };
      return specDigest(keys, server, create(McpServerSchema, { spec }) as Resource);
    });

    expect(digests[0]).toBe(digests[1]);
  });

  it("is empty where there is no spec", () => {
    expect(specDigest(keys, agent, create(AgentSchema) as Resource)).toBe("");
  });

  it("holds a sensitive value only under a key, so that nobody without it can try values", () => {
    const digest = (of: Keys, json: Json): string => {
      const kind = vault();
      return specDigest(of, kind, { ...create(kind.schema), spec: fromJson(specOf(kind), json) } as Resource);
    };
    const secret = { items: [{ secret: "s3cret", plain: "x" }] };

    const digests = [
      digest(keys, secret),
      digest(keysOf("b"), secret),
      digest(keys, { items: [{ secret: "other", plain: "x" }] }),
      digest(keys, { items: [{ secret: "s3cret", plain: "y" }] }),
    ];

    expect(new Set(digests).size).toBe(4);
    expect(digest(keys, secret)).toBe(digests[0]);
  });
});

/** A kind as a contract could have it, with a sensitive field in a list. */
function vault(): Kind {
  const options = create(FieldOptionsSchema);
  setExtension(options, fieldOption, create(OurOptions, { sensitive: true }));
  const text = (name: string, number: number) => ({
    ...{ name, jsonName: name, number },
    ...{ label: Label.OPTIONAL, type: Type.STRING },
  });
  const message = (name: string, label: Label, typeName: string) => ({
    ...{ name, jsonName: name, number: 1 },
    ...{ label, typeName, type: Type.MESSAGE },
  });
  const file = create(FileDescriptorProtoSchema, {
    ...{ name: "vault.proto", package: "test", syntax: "proto3" },
    messageType: [
      { name: "Item", field: [{ ...text("secret", 1), options }, text("plain", 2)] },
      { name: "Spec", field: [message("items", Label.REPEATED, ".test.Item")] },
      { name: "Vault", field: [message("spec", Label.OPTIONAL, ".test.Spec")] },
    ],
  });
  const schema = createFileRegistry(file, () => undefined).getMessage("test.Vault");
  const specField = schema?.fields[0];
  if (!schema || !specField) throw new Error("the file does not have what it was made of");
  return { ...agent, schema, specField };
}

function specOf({ specField }: Kind) {
  if (!specField.message) throw new Error("a spec is a message");
  return specField.message;
}
