import { describe, expect, it } from "vitest";
import { askForm } from "./ask-form.ts";
import { fieldText } from "./form-text.ts";
import { type Field, readForm } from "./read-form.ts";
import { readValue } from "./read-value.ts";

const FORM = JSON.stringify({
  type: "object",
  properties: {
    name: { type: "string", title: "Name", description: "as on the card" },
    color: { type: "string", enum: ["red", "blue"], enumNames: ["Red", "Blue"] },
    size: { type: "string", oneOf: [{ const: "s", title: "Small" }, { const: "l" }], default: "l" },
    count: { type: "integer" },
    price: { type: "number" },
    gift: { type: "boolean", default: false },
    extras: { type: "array", items: { anyOf: [{ const: "bow" }, { const: "card" }] } },
    more: { type: "object" },
  },
  required: ["name", "color"],
});

const fields = Object.fromEntries(readForm(FORM).map((field) => [field.name, field]));

function field(name: string): Field {
  const found = fields[name];
  if (!found) throw new Error(`the form has no field ${name}`);
  return found;
}

describe("a field", () => {
  it.each([
    ["name", "name (text) — Name: as on the card"],
    ["color", 'color (one of 1 red "Red", 2 blue "Blue")'],
    ["size", 'size (optional one of 1 s "Small", 2 l, unless told "l")'],
    ["count", "count (optional whole number)"],
    ["gift", "gift (optional yes or no, unless told false)"],
    ["extras", "extras (optional some of 1 bow, 2 card)"],
    ["more", "more (optional JSON)"],
  ])("%s says what it takes", (name, text) => {
    expect(fieldText(field(name))).toBe(text);
  });

  it("can't draw on the terminal", () => {
    const schema = JSON.stringify({
      properties: { "a\u001b[2J": { type: "string", title: "x\u0007", enum: ["\u001b"] } },
    });

    expect(readForm(schema).map(fieldText)).toEqual(["a\\x1b[2J (optional one of 1 \\x1b) — x\\x07"]);
  });

  it.each<[string, string, unknown]>([
    ["name", " Ada ", " Ada "],
    ["color", "blue", "blue"],
    ["color", "1", "red"],
    ["size", "", "l"],
    ["count", "3", 3],
    ["price", "2.5", 2.5],
    ["gift", "yes", true],
    ["gift", "", false],
    ["extras", "card, 1", ["card", "bow"]],
    ["more", '{"a":1}', { a: 1 }],
  ])("%s takes %j", (name, line, value) => {
    expect(readValue(field(name), line)).toEqual({ kind: "value", value });
  });

  it.each([
    ["name", " "],
    ["color", "green"],
    ["color", "3"],
    ["count", "3.5"],
    ["price", "much"],
    ["gift", "maybe"],
    ["extras", "bow, ribbon"],
    ["more", "{nope"],
  ])("%s does not take %j", (name, line) => {
    expect(readValue(field(name), line).kind).toBe("wrong");
  });

  it("that may be left out is left out", () => {
    expect(readValue(field("count"), "")).toEqual({ kind: "nothing" });
  });
});

describe("a form", () => {
  it("is asked for field by field, again where one does not fit, and comes out as JSON", async () => {
    const { asked, ask, stderr } = person(["Ada", "green", "2", "", "", "", "y", "", ""]);

    const content = await askForm(stderr, FORM, ask);

    expect(JSON.parse(content ?? "")).toEqual({ name: "Ada", color: "blue", size: "l", gift: true });
    expect(asked.filter((text) => text.includes("color"))).toHaveLength(2);
  });

  it("comes to nothing where the person goes", async () => {
    const { ask, stderr } = person(["Ada"]);

    expect(await askForm(stderr, FORM, ask)).toBeUndefined();
  });

  it.each(["", "{nope", "[]", '{"properties":[]}', '{"properties":null}'])(
    "of schema %j asks for nothing",
    (schema) => {
      expect(readForm(schema)).toEqual([]);
    },
  );

  it("of a hostile size is cut", () => {
    const many = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, at) => [`f${at}`, { enum: Array(1_000).fill("x") }]),
    );

    const read = readForm(JSON.stringify({ properties: many }));

    expect([read.length, read[0]?.choices.length]).toEqual([64, 100]);
  });
});

function person(lines: readonly string[]) {
  const left = [...lines];
  const asked: string[] = [];
  const ask = async (text: string): Promise<string | undefined> => {
    asked.push(text);
    return left.shift();
  };
  return { asked, ask, stderr: { stderr: { isTTY: true, columns: 80, write: async () => {} } } };
}
