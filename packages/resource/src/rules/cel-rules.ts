import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Rule } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Check, isUnique, matches, UnknownRule } from "./value-rules.ts";

/** The few expressions of CEL that the contract uses, as checks. Throws for any other. */
export function celChecks(rules: readonly Rule[], on: DescField | DescMessage): readonly Check[] {
  return rules.map(({ expression }) => {
    const form = FORMS.find(({ words }) => words.test(expression));
    const [, ...words] = form?.words.exec(expression) ?? [];
    const check = form?.make(on, ...words);
    if (!check) throw new UnknownRule(expression);
    return check;
  });
}

type Make = (on: DescField | DescMessage, ...words: string[]) => Check | undefined;

const FORMS: readonly { readonly words: RegExp; readonly make: Make }[] = [
  {
    // Without a backslash CEL's text is the pattern's.
    words: /^this\.matches\('([^'\\]*)'\)$/,
    make: (on, pattern = "") => (on.kind === "field" && on.fieldKind === "scalar" ? matches(pattern) : undefined),
  },
  {
    words: /^!this\.matches\('([^'\\]*)'\)$/,
    make(on, pattern = "") {
      const found = on.kind === "field" && on.fieldKind === "scalar" ? matches(pattern) : undefined;
      return found && ((value: never) => !found(value));
    },
  },
  {
    words: /^this\.map\((?:[a-z]+), [a-z]+\.([a-z_]+)\)\.unique\(\)$/,
    make(on, name = "") {
      const key = on.kind === "field" && on.fieldKind === "list" ? textField(on.message, name) : undefined;
      if (!key) return undefined;
      return (list: readonly Record<string, unknown>[]) => isUnique(list.map((item) => item[key]));
    },
  },
  {
    words: /^this\.([a-z_]+) == '' \|\| this\.([a-z_]+) == ''$/,
    make(on, one = "", two = "") {
      const message = on.kind === "message" ? on : undefined;
      const [first, second] = [textField(message, one), textField(message, two)];
      if (!first || !second) return undefined;
      return (value: Record<string, unknown>) => value[first] === "" || value[second] === "";
    },
  },
  {
    words: /^this\.([a-z_]+) == '' \|\| this\.([a-z_]+) != ''$/,
    make(on, one = "", two = "") {
      const message = on.kind === "message" ? on : undefined;
      const [first, second] = [textField(message, one), textField(message, two)];
      if (!first || !second) return undefined;
      return (value: Record<string, unknown>) => value[first] === "" || value[second] !== "";
    },
  },
  {
    words: /^this\.([a-z_]+) == '' \|\| this\.([a-z_]+) \|\| size\(bytes\(this\.\1\)\) >= (\d+)$/,
    make(on, name = "", flag = "", least) {
      const message = on.kind === "message" ? on : undefined;
      const [text, forced] = [textField(message, name), textField(message, flag)];
      if (!text || !forced) return undefined;
      return (value: Record<string, unknown>) =>
        value[text] === "" || value[forced] === true || Buffer.byteLength(String(value[text])) >= Number(least);
    },
  },
  {
    words: /^this\.([a-z_]+)\.size\(\) == 0 \|\| this\.([a-z_]+) == ''$/,
    make(on, one = "", two = "") {
      const message = on.kind === "message" ? on : undefined;
      const [list, text] = [listField(message, one)?.localName, textField(message, two)];
      if (!list || !text) return undefined;
      return (value: Record<string, unknown>) => (value[list] as unknown[]).length === 0 || value[text] === "";
    },
  },
  {
    words: /^this\.([a-z_]+)\.exists\(([a-z]+), \2\.([a-z_]+) == '([^'\\]*)'\)$/,
    make(on, name = "", _, part = "", wanted) {
      const list = on.kind === "message" ? listField(on, name) : undefined;
      const key = textField(list?.message, part);
      if (!list || !key) return undefined;
      return (value: Record<string, unknown>) =>
        (value[list.localName] as Record<string, unknown>[]).some((item) => item[key] === wanted);
    },
  },
];

/** Where a message keeps a text that is never absent. */
function textField(message: DescMessage | undefined, name: string): string | undefined {
  const field = message?.fields.find((one) => one.name === name);
  return field?.fieldKind === "scalar" && !field.oneof ? field.localName : undefined;
}

function listField(
  message: DescMessage | undefined,
  name: string,
): Extract<DescField, { fieldKind: "list" }> | undefined {
  const field = message?.fields.find((one) => one.name === name);
  return field?.fieldKind === "list" ? field : undefined;
}
