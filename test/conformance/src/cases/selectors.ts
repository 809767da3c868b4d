import { AgentQueryController } from "@stigmer/contracts/agentic";
import type { Case } from "../case.ts";
import { refused, same } from "../checks.ts";
import { makeEach } from "../many.ts";
import { idOf } from "../resource.ts";

const feature = AgentQueryController.typeName;

/** Labels of what the selectors choose from. */
const LABELS: Readonly<Record<string, Record<string, string>>> = {
  a: { env: "dev", team: "platform", empty: "" },
  b: { env: "test", team: "platform" },
  c: { env: "prod", "stigmer.ai/tier": "gold" },
  d: { team: "Platform" },
};

/** The example's own label would be among them. */
const CHANGES = Object.values(LABELS).map((labels) => ({ metadata: { labels: { team: null, ...labels } } }));

/** Selectors as Kubernetes has them, and which of `LABELS` they select. */
const SELECTED: Readonly<Record<string, string>> = {
  "": "abcd",
  "env=dev": "a",
  "env==dev": "a",
  "env = dev": "a",
  "env!=dev": "bcd",
  "env in (dev)": "a",
  "env in (dev, test)": "ab",
  "env in (dev,test,prod,none)": "abc",
  "env notin (dev, test)": "cd",
  env: "abc",
  "!env": "d",
  "! env": "d",
  "env,team": "ab",
  "env,!team": "c",
  "team=platform,env in (dev, test)": "ab",
  "team=platform,env!=dev": "b",
  "env=dev,env=test": "",
  "team=Platform": "d",
  "empty=": "a",
  "empty in ()": "a",
  "empty in (,x)": "a",
  "empty!=": "bcd",
  "stigmer.ai/tier=gold": "c",
  "stigmer.ai/tier": "c",
  "!stigmer.ai/tier": "abd",
  "none=x": "",
  "none!=x": "abcd",
  "none notin (x)": "abcd",
  "in in (in)": "",
  "notin notin (notin)": "abcd",
};

const REFUSED = {
  "without a key": "=dev",
  "without a value's set": "env in",
  "whose set is open": "env in (dev",
  "whose set is closed twice": "env in (dev))",
  "with an operator that there is none of": "env ~ dev",
  "with three signs": "env===dev",
  "that ends with a comma": "env=dev,",
  "that begins with a comma": ",env",
  "with a key in Cyrillic": "\u0435nv=dev",
  "with NUL": "env=de\u0000v",
  "with a value that no label has": "env=a b",
  "with a key of 64 characters": `${"k".repeat(64)}=x`,
  "with a value of 64 characters": `env=${"v".repeat(64)}`,
  "with two slashes in its key": "a/b/c=x",
  "of JSON": '{"matchLabels":{"env":"dev"}}',
} as const;

/** Label selectors in full, told with agents. */
export const selectorCases: readonly Case[] = [
  ...Object.entries(SELECTED).map(([selector, expected]) => selectedCase(selector, expected)),
  ...Object.entries(REFUSED).map(
    ([what, labelSelector]): Case => ({
      name: `selector: one ${what} is refused`,
      feature,
      run: async (context) =>
        void (await refused(context.kind("Agent").list({ labelSelector }), "INVALID_REQUEST", "labelSelector")),
    }),
  ),
  {
    name: "selector: one of a thousand terms is answered or refused, and not in doubt",
    feature,
    async run(context) {
      await makeEach(context, context.kinds.named("Agent"), [{ metadata: { labels: { env: "dev" } } }]);
      const terms = Array.from({ length: 1_000 }, (_, at) => `k${at}!=v`);

      const labelSelector = [context.own, ...terms].join(",");
      const answer = context.kind("Agent").list({ labelSelector });

      const outcome = await answer.then(
        ({ items }) => items.length,
        () => refused(answer, "INVALID_REQUEST", "labelSelector").then(() => 1),
      );
      same(outcome, 1, "number of agents");
    },
  },
];

function selectedCase(selector: string, expected: string): Case {
  return {
    name: `selector: "${selector}" selects ${expected || "nothing"}`,
    feature,
    async run(context) {
      const { own, made } = await context.shared("labels", (maker) =>
        makeEach(maker, maker.kinds.named("Agent"), CHANGES),
      );

      const { items } = await context.kind("Agent").list({ labelSelector: selector ? `${own},${selector}` : own });

      const ids = made.map(idOf);
      same(items.map((item) => Object.keys(LABELS)[ids.indexOf(idOf(item))]).join(""), expected, "what is selected");
    },
  };
}
