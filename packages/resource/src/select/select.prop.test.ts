import { create } from "@bufbuild/protobuf";
import { type AgentExecution, AgentExecutionSchema, ExecutionPhase } from "@stigmer/contracts/agentic";
import { compareBytewise, whereMatcher } from "@stigmer/store";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createKindIndex } from "./kind-index.ts";
import { selectionOf } from "./selection.ts";
import { TEXT, valueTypeOf } from "./value-type.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const index = createKindIndex(AgentExecutionSchema, ["spec.agent", "status.phase", "status.turns", "status.startTime"]);

type Stated = { readonly text: string; readonly holds: (resource: AgentExecution) => boolean };

const words = fc.constantFrom("a", "b", "ab", "abc", "\u{10000}", "\uffff", "\ud7ff", 'q"\\*');
const quote = (word: string) => `"${word.replace(/["\\*]/g, "\\$&")}"`;
const counts = fc.integer({ min: -3, max: 3 });
const times = fc.integer({ min: -2, max: 2 });
const phases = fc.constantFrom(ExecutionPhase.UNSPECIFIED, ExecutionPhase.RUNNING, ExecutionPhase.FAILED);

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};
const comparators = fc.constantFrom(...Object.keys(ORDERS));

const agentOf = (resource: AgentExecution) => resource.spec?.agent ?? "";

const comparisons: fc.Arbitrary<Stated> = fc.oneof(
  fc.tuple(comparators, words).map(([comparator, word]) => ({
    text: `spec.agent ${comparator} ${quote(word)}`,
    holds: (resource: AgentExecution) => ORDERS[comparator]?.(compareBytewise(agentOf(resource), word)) ?? false,
  })),
  words.map((word) => ({
    text: `spec.agent = ${quote(word).slice(0, -1)}*"`,
    holds: (resource: AgentExecution) => agentOf(resource).startsWith(word),
  })),
  words.map((word) => ({
    text: `spec.agent:${quote(word)}`,
    holds: (resource: AgentExecution) => agentOf(resource).includes(word),
  })),
  fc.constant({ text: "spec.agent:*", holds: (resource: AgentExecution) => agentOf(resource) !== "" }),
  fc.tuple(comparators, counts).map(([comparator, count]) => ({
    text: `status.turns ${comparator} ${count}`,
    holds: (resource: AgentExecution) => ORDERS[comparator]?.((resource.status?.turns ?? 0) - count) ?? false,
  })),
  fc.tuple(comparators, times).map(([comparator, second]) => ({
    text: `status.startTime ${comparator} ${new Date(second * 1_000).toISOString()}`,
    holds: (resource: AgentExecution) => {
      const time = resource.status?.startTime;
      if (time === undefined) return comparator === "!=";
      return ORDERS[comparator]?.(Number(time.seconds) + time.nanos / 1e9 - second) ?? false;
    },
  })),
  phases.map((phase) => ({
    text: `status.phase = ${ExecutionPhase[phase]}`,
    holds: (resource: AgentExecution) => (resource.status?.phase ?? 0) === phase,
  })),
);

const { filter: filters } = fc.letrec<{ filter: Stated }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    comparisons,
    tie("filter").map(({ text, holds }) => ({ text: `NOT (${text})`, holds: (of: AgentExecution) => !holds(of) })),
    fc.tuple(tie("filter"), fc.constantFrom(" ", " AND "), tie("filter")).map(([one, joint, other]) => ({
      text: `(${one.text})${joint}(${other.text})`,
      holds: (of: AgentExecution) => one.holds(of) && other.holds(of),
    })),
    fc.tuple(tie("filter"), tie("filter")).map(([one, other]) => ({
      text: `((${one.text}) OR (${other.text}))`,
      holds: (of: AgentExecution) => one.holds(of) || other.holds(of),
    })),
  ),
}));

const keys = fc.constantFrom("env", "team", "example.com/env");
const labelValues: fc.Arbitrary<string> = fc.constantFrom("", "dev", "prod");
const valueLists = fc.array(labelValues, { minLength: 1, maxLength: 3 });
type Labels = Readonly<Record<string, string>>;
type Requirement = { readonly text: string; readonly holds: (labels: Labels) => boolean };

const requirements: fc.Arbitrary<Requirement> = fc.oneof(
  fc
    .tuple(keys, labelValues)
    .map(([key, value]) => ({ text: `${key}=${value}`, holds: (of: Labels) => of[key] === value })),
  fc
    .tuple(keys, labelValues)
    .map(([key, value]) => ({ text: `${key}!=${value}`, holds: (of: Labels) => of[key] !== value })),
  fc.tuple(keys, valueLists).map(([key, values]) => ({
    text: `${key} in (${values.join(", ")})`,
    holds: (of: Labels) => key in of && values.includes(of[key] ?? ""),
  })),
  fc.tuple(keys, valueLists).map(([key, values]) => ({
    text: `${key} notin (${values.join(",")})`,
    holds: (of: Labels) => !(key in of) || !values.includes(of[key] ?? ""),
  })),
  keys.map((key) => ({ text: key, holds: (of: Labels) => key in of })),
  keys.map((key) => ({ text: `!${key}`, holds: (of: Labels) => !(key in of) })),
);

const resources = fc
  .record({
    labels: fc.dictionary(keys, labelValues, { maxKeys: 3 }),
    agent: words,
    status: fc.option(fc.record({ phase: phases, turns: counts, time: fc.option(times, { nil: undefined }) })),
  })
  .map(({ labels, agent, status }) =>
    create(AgentExecutionSchema, {
      metadata: { labels },
      spec: { agent },
      ...(status && {
        status: {
          phase: status.phase,
          turns: status.turns,
          ...(status.time !== undefined && { startTime: { seconds: BigInt(status.time), nanos: 1 } }),
        },
      }),
    }),
  );

it(`selects by index and what is left exactly what selector and filter say (SEED=${SEED})`, () => {
  const selectors = fc.array(requirements, { maxLength: 3 });
  fc.assert(
    fc.property(selectors, filters, fc.array(resources, { maxLength: 8 }), (wanted, filter, all) => {
      const labelSelector = wanted.map(({ text }) => text).join(",");
      const { plan, matches } = selectionOf(index, { labelSelector, filter: filter.text });
      const found = whereMatcher(plan.where);

      for (const resource of all) {
        const labels = resource.metadata?.labels ?? {};
        const row = { labels, indexed: index.entriesOf(resource) };
        const expected = wanted.every(({ holds }) => holds(labels)) && filter.holds(resource);
        expect(found(row) && plan.rest(row)).toBe(expected);
        expect(matches(row)).toBe(expected);
      }
    }),
    { seed: SEED, numRuns: 1_000 },
  );
});

it(`writes numbers and times so that their texts order like them (SEED=${SEED})`, () => {
  const type = (name: string) => {
    const field = AgentExecutionSchema.fields
      .find(({ name }) => name === "status")
      ?.message?.fields.find((of) => of.name === name);
    return (field && valueTypeOf(field)) ?? TEXT;
  };
  const sign = (order: number) => Math.sign(order);
  const span = fc.record({ seconds: fc.bigInt(-(10n ** 11n), 10n ** 12n), nanos: fc.nat(999_999_999) });
  const nanos = (of: { readonly seconds: bigint; readonly nanos: number }) =>
    of.seconds * 1_000_000_000n + BigInt(of.nanos);

  fc.assert(
    fc.property(
      fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
      fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
      span,
      span,
      (a, b, s, t) => {
        const whole = type("turns");
        const time = type("start_time");
        expect(sign(compareBytewise(whole.textOf(a), whole.textOf(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
        const [left, right] = [nanos(s), nanos(t)];
        expect(sign(compareBytewise(time.textOf(s), time.textOf(t)))).toBe(left < right ? -1 : left > right ? 1 : 0);
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

it("never throws anything but a refusal, whatever the texts are", () => {
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^[ ()"'a-z.=<>!:*\\,-]{0,40}$/),
  );
  fc.assert(
    fc.property(texts, texts, (labelSelector, filter) => {
      try {
        selectionOf(index, { labelSelector, filter });
      } catch (error) {
        expect(error).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
      }
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});
