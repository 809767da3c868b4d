import { type DescField, type DescMessage, isFieldSet, type Message } from "@bufbuild/protobuf";
import { fieldValue } from "./field-value.ts";

/** Calls `see` for every chosen field of a message that is set, the messages inside it included, parents first. */
export type FieldWalk = (message: Message, see: (parent: Message, field: DescField, path: string) => void) => void;

type See = Parameters<FieldWalk>[1];
type Step = { readonly field: DescField; readonly isChosen: boolean; readonly inside: readonly Step[] | undefined };
type Plans = Map<DescMessage, Step[]>;

/** A walk over messages of one type that looks only where chosen fields can be. */
export function fieldWalk(schema: DescMessage, isChosen: (field: DescField) => boolean): FieldWalk {
  const holders = holdersOf(schema, isChosen);
  const plans: Plans = new Map();
  const planOf = (type: DescMessage): readonly Step[] => {
    const known = plans.get(type);
    if (known) return known;
    const steps: Step[] = [];
    plans.set(type, steps); // before its fields: a type may hold itself
    for (const field of type.fields) {
      const inside = field.message && holders.has(field.message) ? planOf(field.message) : undefined;
      if (inside || isChosen(field)) steps.push({ field, isChosen: isChosen(field), inside });
    }
    return steps;
  };
  const steps = planOf(schema);
  return (message, see) => walk(steps, { message, at: "" }, see);
}

/** The types, among those that a type holds, that have a chosen field or hold one that has. */
function holdersOf(schema: DescMessage, isChosen: (field: DescField) => boolean): ReadonlySet<DescMessage> {
  const types = new Set([schema]);
  for (const type of types) for (const field of type.fields) if (field.message) types.add(field.message);
  const holders = new Set([...types].filter(({ fields }) => fields.some(isChosen)));
  for (let before = -1; before !== holders.size; ) {
    before = holders.size;
    for (const type of types) if (type.fields.some(({ message }) => message && holders.has(message))) holders.add(type);
  }
  return holders;
}

function walk(
  steps: readonly Step[],
  { message, at }: { readonly message: Message; readonly at: string },
  see: See,
): void {
  for (const { field, isChosen, inside } of steps) {
    if (!isFieldSet(message, field)) continue;
    const path = at ? `${at}.${field.jsonName}` : field.jsonName;
    if (isChosen) see(message, field, path);
    if (!inside || !isFieldSet(message, field)) continue;
    for (const [sub, one] of messagesOf(field, fieldValue(message, field)))
      walk(inside, { message: one, at: path + sub }, see);
  }
}

/** The messages of a field, each with what its path says beside the field's name. */
function messagesOf(field: DescField, value: unknown): Iterable<readonly [string, Message]> {
  if (field.fieldKind === "list") return (value as Message[]).map((item, index) => [`[${index}]`, item] as const);
  if (field.fieldKind !== "map") return [["", value as Message]];
  return Object.entries(value as Record<string, Message>).map(
    ([key, item]) => [`[${JSON.stringify(key)}]`, item] as const,
  );
}
