import { AgentQueryController } from "@stigmer/contracts/agentic";
import type { Case } from "../case.ts";
import { refused, same } from "../checks.ts";
import { makeEach } from "../many.ts";
import { idOf } from "../resource.ts";

const feature = AgentQueryController.typeName;

/** Models of what the filters choose from; `e` has none. */
const MODELS: Readonly<Record<string, string>> = {
  a: "ollama/one",
  b: "ollama/two",
  c: "openai/one",
  d: 'openai/say "hi"',
  e: "",
};

const CHANGES = Object.values(MODELS).map((model) => ({ spec: { model } }));

/** Filters as AIP-160 has them, and which of `MODELS` they select. */
const SELECTED: Readonly<Record<string, string>> = {
  "": "abcde",
  'spec.model = "ollama/one"': "a",
  'spec.model="ollama/one"': "a",
  "spec.model = 'ollama/one'": "a",
  'spec.model != "ollama/one"': "bcde",
  'spec.model = "ollama/*"': "ab",
  'spec.model = "*/one"': "ac",
  'spec.model > "ollama/one"': "bcd",
  'spec.model >= "ollama/two"': "bcd",
  'spec.model < "ollama/two" AND spec.model > ""': "a",
  'spec.model <= "ollama/two" AND spec.model > ""': "ab",
  'NOT spec.model = "ollama/one"': "bcde",
  '-spec.model = "ollama/one"': "bcde",
  'spec.model = "ollama/one" OR spec.model = "openai/one"': "ac",
  'spec.model = "ollama/one" AND spec.model = "openai/one"': "",
  'spec.model = "ollama/one" OR spec.model = "ollama/two" AND spec.model = "ollama/two"': "b",
  '(spec.model = "ollama/one" AND spec.model = "ollama/one") OR spec.model = "openai/one"': "ac",
  'spec.model = "ollama/*" NOT spec.model = "ollama/two"': "a",
  'spec.model = "openai/say \\"hi\\""': "d",
  "spec.model:*": "abcd",
  '((spec.model = "ollama/one"))': "a",
  'metadata.createTime > "2001-01-01T00:00:00Z" AND spec.model = "ollama/one"': "a",
  'metadata.createTime < "2001-01-01T00:00:00Z"': "",
};

const REFUSED = {
  "without a value": "spec.model =",
  "without a field": '= "x"',
  "with an open parenthesis": '(spec.model = "x"',
  "with a parenthesis too many": 'spec.model = "x")',
  "with an open string": 'spec.model = "x',
  "that ends with AND": 'spec.model = "x" AND',
  "that begins with OR": 'OR spec.model = "x"',
  "with two operators": 'spec.model = = "x"',
  "with an operator that there is none of": 'spec.model ~ "x"',
  "with a function": 'startsWith(spec.model, "x")',
  "with NUL outside of a string": 'spec.model = "x"\u0000',
  "with a time that is none": 'metadata.createTime > "yesterday"',
  "that goes into a text": 'spec.model.name = "x"',
  "that nests 1,000 deep": `${"(".repeat(1_000)}spec.model = "x"${")".repeat(1_000)}`,
  "that denies 4,000 times": `${"NOT ".repeat(4_000)}spec.model = "x"`,
} as const;

/** AIP-160 filters, told with agents and their models. */
export const filterCases: readonly Case[] = [
  ...Object.entries(SELECTED).map(([filter, expected]) => selectedCase(filter, expected)),
  ...Object.entries(REFUSED).map(
    ([what, filter]): Case => ({
      name: `filter: one ${what} is refused`,
      feature,
      run: async (context) => void (await refused(context.kind("Agent").list({ filter }), "INVALID_REQUEST", "filter")),
    }),
  ),
];

function selectedCase(filter: string, expected: string): Case {
  return {
    name: `filter: ${filter || "none"} selects ${expected || "nothing"}`,
    feature,
    async run(context) {
      const { own, made } = await context.shared("models", (maker) =>
        makeEach(maker, maker.kinds.named("Agent"), CHANGES),
      );

      const { items } = await context.kind("Agent").list({ labelSelector: own, filter });

      const ids = made.map(idOf);
      same(items.map((item) => Object.keys(MODELS)[ids.indexOf(idOf(item))]).join(""), expected, "what is selected");
    },
  };
}
