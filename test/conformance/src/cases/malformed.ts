import { create, type DescMessage, type DescMethod, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { BytesValueSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { AgentCommandController } from "@stigmer/contracts/agentic";
import { ask, claimedMethods, labelOf, needsOf } from "../asking.ts";
import type { Case, Context } from "../case.ts";
import { check, ERROR_DOMAIN, refused, same } from "../checks.ts";
import type { Claims } from "../claims.ts";

/** Requests that are no message of their method, and methods that there are none of. */
export function malformedCases(claims: Claims): readonly Case[] {
  return [...claimedMethods(claims).flatMap(ofMethod), ...unknownMethods, ...bodies];
}

function ofMethod(method: DescMethod): readonly Case[] {
  const [first] = method.input.fields;
  const twoWords = method.input.fields.find(({ name, jsonName }) => name !== jsonName);
  const isText = first?.fieldKind === "scalar" && first.scalar === ScalarType.STRING;
  const cases = [malformedJson(method, "a field that there is none of", { noSuchField: 1 })];
  if (!first) return cases;
  if (isText || first.fieldKind === "message") cases.push(malformedBytes(method));
  if (isText) cases.push(malformedJson(method, "half a character", { [first.jsonName]: "\ud800" }));
  cases.push(malformedJson(method, "a field of another type", { [first.jsonName]: [[]] }));
  if (twoWords) {
    const both: JsonObject = { [twoWords.name]: null, [twoWords.jsonName]: "x" };
    if (twoWords.fieldKind === "scalar" && twoWords.scalar === ScalarType.STRING) {
      cases.push(malformedJson(method, "a field in both of its spellings", { ...both, [twoWords.name]: "y" }));
    }
  }
  return cases;
}

function malformedBytes(method: DescMethod): Case {
  return {
    name: `${labelOf(method)} refuses bytes that are no message of its type`,
    needs: ["binary", ...needsOf(method)],
    run: async (context) =>
      void (await refused(
        askAs(context, method, { input: BytesValueSchema, value: new Uint8Array([0xff]) }),
        "MALFORMED_REQUEST",
      )),
  };
}

function malformedJson(method: DescMethod, what: string, json: JsonObject): Case {
  return {
    name: `${labelOf(method)} refuses JSON with ${what}`,
    needs: ["json", ...needsOf(method)],
    run: async (context) => void (await refused(askJson(context, method, json), "MALFORMED_REQUEST")),
  };
}

function askJson(context: Context, method: DescMethod, json: JsonObject): Promise<unknown> {
  return ask(context, { ...method, input: StructSchema }, structOf(json));
}

/** A struct in JSON is the object itself. */
function structOf(json: JsonObject) {
  const jsonValue = (value: unknown): object => {
    if (typeof value === "string") return { kind: { case: "stringValue", value } };
    if (typeof value === "number") return { kind: { case: "numberValue", value } };
    if (Array.isArray(value)) return { kind: { case: "listValue", value: { values: value.map(jsonValue) } } };
    return { kind: { case: "nullValue", value: 0 } };
  };
  return create(StructSchema, {
    fields: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, jsonValue(value)])),
  } as never);
}

/** Calls a method with a message of another type. */
function askAs(context: Context, method: DescMethod, of: { input: DescMessage; value: Uint8Array }): Promise<unknown> {
  return ask(context, { ...method, input: of.input } as DescMethod, create(of.input, { value: of.value } as never));
}

const { create: createAgent } = AgentCommandController.method;

const unknownMethods: readonly Case[] = [
  {
    name: "a method that there is none of is unknown",
    run: async (context) =>
      void (await refused(context.call({ ...createAgent, name: "noSuchMethod" } as never, {}), "METHOD_UNKNOWN")),
  },
  {
    name: "a service that there is none of is unknown",
    async run(context) {
      const parent = { ...createAgent.parent, typeName: "ai.stigmer.none.v1.NoController" };
      await refused(context.call({ ...createAgent, parent } as never, {}), "METHOD_UNKNOWN");
    },
  },
];

const bodies: readonly Case[] = Object.entries({
  "no JSON": "{nope",
  nothing: "",
  "a list": "[]",
  "lists in lists without end": "[".repeat(100_000),
  "objects in objects without end": `${'{"metadata":'.repeat(50_000)}1${"}".repeat(50_000)}`,
  "a field twice": '{"metadata":{"name":"a","display_name":"x","displayName":"y"},"spec":{"instructions":"x"}}',
}).map(([what, body]) => ({
  name: `a body that is ${what} is refused as JSON`,
  needs: ["plain", "loopback"],
  async run(context) {
    const path = `/${AgentCommandController.typeName}/create`;
    const answer = await context.http({ path, headers: { "content-type": "application/json" }, body });

    same(answer.status, 400, "status");
    const { code, details } = JSON.parse(String(answer.body));
    same(code, "invalid_argument", "code");
    check(Array.isArray(details), "there are no details");
    const infos = details.filter(({ type }) => type === "google.rpc.ErrorInfo");
    same(
      infos.map(({ debug }) => [debug?.domain, debug?.reason]),
      [[ERROR_DOMAIN, "MALFORMED_REQUEST"]],
      "ErrorInfos",
    );
  },
}));
