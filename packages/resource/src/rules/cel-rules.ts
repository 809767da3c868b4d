import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Rule } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Check, isUnique, matches, UnknownRule } from "./value-rules.ts";

/** The few expressions of CEL that the contract uses, as checks. Throws for any other. */
export function celChecks(rules: readonly Rule[], on: DescField | DescMessage): readonly Check[] {
  return rules.map(({ expression }) => {
    const form = FORMS.find(({ words }) => words.test(expression));
    const [, one = "", two = ""] = form?.words.exec(expression) ?? [];
    const check = form?.make(on, one, two);
    if (!check) throw new UnknownRule(expression);
    return check;
  });
}

type Make = (on: DescField | DescMessage, one: string, two: string) => Check | undefined;

const FORMS: readonly { readonly words: RegExp; readonly make: Make }[] = [
  {
    // Without a backslash CEL's text is the pattern's.
    words: /^this\.matches\('([^'\\]*)'\)$/,
    make: (on, pattern) => (on.kind === "field" && on.fieldKind === "scalar" ? matches(pattern) : undefined),
  },
  {
    words: /^this\.map\((?:[a-z]+), [a-z]+\.([a-z_]+)\)\.unique\(\)$/,
    make(on, name) {
      const key = on.kind === "field" && on.fieldKind === "list" ? textField(on.message, name) : undefined;
      if (!key) return undefined;
      return (list: readonly Record<string, unknown>[]) => isUnique(list.map((item) => item[key]));
    },
  },
  {
    words: /^this\.([a-z_]+) == '' \|\| this\.([a-z_]+) == ''$/,
    make(on, one, two) {
      const message = on.kind === "message" ? on : undefined;
      const [first, second] = [textField(message, one), textField(message, two)];
      if (!first || !second) return undefined;
      return (value: Record<string, unknown>) => value[first] === "" || value[second] === "";
    },
  },
];

/** Where a message keeps a text that is never absent. */
function textField(message: DescMessage | undefined, name: string): string | undefined {
  const field = message?.fields.find((one) => one.name === name);
  return field?.fieldKind === "scalar" && !field.oneof ? field.localName : undefined;
}
