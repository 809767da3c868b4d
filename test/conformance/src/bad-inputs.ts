import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { fieldOptionsOf } from "./field-options.ts";
import { type Rules, rulesOf } from "./field-rules.ts";

/** A message that breaks one rule of one field. It may break others besides, as fields that are required are absent. */
export type BadInput = { readonly path: string; readonly what: string; readonly message: () => Message };

type Bad = { readonly what: string; readonly value: unknown };
/** Where a message stands in the request, and how to put it there. */
type Place = { readonly path: string; readonly wrap: (message: Message) => Message };

const WELL_KNOWN = "google.protobuf.";
/** No enum of the contract has it. */
const NO_ENUM_VALUE = 9_999;

/** What breaks the rules of a message and of those inside it. Fields that only the backend sets are left out. */
export function badInputs(
  schema: DescMessage,
  at: Place = { path: "", wrap: (message) => message },
): readonly BadInput[] {
  return schema.fields
    .filter((field) => !fieldOptionsOf(field).outputOnly)
    .flatMap((field) => {
      const path = at.path ? `${at.path}.${field.jsonName}` : field.jsonName;
      const put = (value: unknown) => at.wrap(messageWith(schema, field, value));
      return badFields(field, { path, put });
    });
}

type Put = { readonly path: string; readonly put: (value: unknown) => Message };

function badFields(field: DescField, at: Put): readonly BadInput[] {
  const rules = rulesOf(field);
  const input = ({ what, value }: Bad, path = at.path) => ({ path, what, message: () => at.put(value) });
  switch (field.fieldKind) {
    case "scalar":
      return badScalars(field.scalar, rules).map((bad) => input(bad));
    case "enum":
      return rules.enum?.definedOnly ? [input({ what: "of no value of its enum", value: NO_ENUM_VALUE })] : [];
    case "message":
      return [...badMessages(field.message, rules).map((bad) => input(bad)), ...badInside(field.message, at)];
    case "list":
      return badLists(field, rules, at);
    case "map":
      return badMaps(rules).map(({ key, ...bad }) => input(bad, key === undefined ? at.path : `${at.path}["${key}"]`));
  }
}

function badScalars(type: ScalarType, rules: Rules): readonly Bad[] {
  if (type === ScalarType.STRING) return badTexts(rules);
  const { gte, lte } = rules.int32 ?? rules.int64 ?? {};
  const number = (value: number) => (type === ScalarType.INT64 ? BigInt(value) : value);
  return [
    ...(gte === undefined ? [] : [{ what: "below its least value", value: number(Number(gte) - 1) }]),
    ...(lte === undefined ? [] : [{ what: "above its greatest value", value: number(Number(lte) + 1) }]),
  ];
}

function badTexts({ string = {}, cel, ignore }: Rules): readonly Bad[] {
  const { minLen, maxLen, pattern, const: constant } = string;
  const bad: Bad[] = [];
  if (minLen !== undefined && ignore === undefined) bad.push({ what: "that is empty", value: "" });
  if (maxLen !== undefined) bad.push({ what: "that is too long", value: "x".repeat(Number(maxLen) + 1) });
  if (constant !== undefined) bad.push({ what: "that says something else", value: "something-else" });
  if (pattern !== undefined || cel !== undefined) bad.push({ what: "of another form", value: "\n\u0000 \u202e" });
  return bad;
}

function badMessages(message: DescMessage, rules: Rules): readonly Bad[] {
  const { lte } = rules.duration ?? {};
  return [
    ...(rules.required ? [{ what: "that is absent", value: undefined }] : []),
    ...(lte === undefined
      ? []
      : [
          {
            what: "that is too long",
            value: create(message, { seconds: BigInt(Number.parseInt(lte, 10) + 1) } as never),
          },
          { what: "below zero", value: create(message, { seconds: -1n } as never) },
        ]),
  ];
}

function badInside(message: DescMessage, { path, put }: Put): readonly BadInput[] {
  return message.typeName.startsWith(WELL_KNOWN) ? [] : badInputs(message, { path, wrap: put });
}

function badLists(field: DescField & { fieldKind: "list" }, rules: Rules, at: Put): readonly BadInput[] {
  const { maxItems, items = {} } = rules.repeated ?? {};
  const item = () => (field.listKind === "message" ? create(field.message) : field.listKind === "enum" ? 0 : "x");
  const many = Array.from({ length: Number(maxItems ?? 0) + 1 }, item);
  const bad: BadInput[] = [];
  if (maxItems !== undefined) bad.push({ path: at.path, what: "with too many items", message: () => at.put(many) });
  const path = `${at.path}[0]`;
  if (field.listKind === "message") {
    bad.push(...badInside(field.message, { path, put: (value) => at.put([value]) }));
  } else if (field.listKind === "scalar") {
    const inItems = badScalars(field.scalar, items);
    bad.push(...inItems.map(({ what, value }) => ({ path, what, message: () => at.put([value]) })));
  }
  return bad;
}

/** Maps of texts; the contract has no others with rules. */
function badMaps({ map = {} }: Rules): readonly (Bad & { readonly key?: string })[] {
  const { maxPairs, keys = {}, values = {} } = map;
  const many = Object.fromEntries(Array.from({ length: Number(maxPairs ?? 0) + 1 }, (_, at) => [`k${at}`, "v"]));
  const inKeys = badTexts(keys).map(({ what, value }) => ({
    what: `with a key ${what}`,
    value: { [String(value)]: "v" },
  }));
  const inValues = badTexts(values).map(({ what, value }) => ({
    what: `with a value ${what}`,
    value: { k: value },
    key: "k",
  }));
  return [...(maxPairs === undefined ? [] : [{ what: "with too many pairs", value: many }]), ...inKeys, ...inValues];
}

function messageWith(schema: DescMessage, field: DescField, value: unknown): Message {
  const init = field.oneof
    ? { [field.oneof.localName]: { case: field.localName, value } }
    : { [field.localName]: value };
  return create(schema, init as never);
}
