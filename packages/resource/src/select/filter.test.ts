import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Fault } from "@stigmer/base";
import { AgentExecutionSchema, ExecutionPhase, RunnerSchema } from "@stigmer/contracts/agentic";
import { describe, expect, it } from "vitest";
import { planOf, predicateOf } from "./condition.ts";
import { conditionOf } from "./filter.ts";
import { MAX_FILTER_DEPTH, MAX_FILTER_TERMS } from "./filter-parser.ts";
import { createKindIndex } from "./kind-index.ts";

const executions = createKindIndex(AgentExecutionSchema, [
  "spec.agent",
  "spec.message",
  "status.phase",
  "status.turns",
  "status.startTime",
  "status.endTime",
]);
const runners = createKindIndex(RunnerSchema, ["status.connected"]);

const EXECUTION: MessageInitShape<typeof AgentExecutionSchema> = {
  metadata: { name: "run-1", createdBy: "tester", createTime: { seconds: 1_000n, nanos: 5 } },
  spec: { agent: "ollama/qwen3:8b", message: 'say "a*b\\c"' },
  status: { phase: ExecutionPhase.RUNNING, turns: 12, startTime: { seconds: 1_700_000_000n, nanos: 0 } },
};

const selects = (filter: string, index = executions, resource: object = create(AgentExecutionSchema, EXECUTION)) =>
  predicateOf(conditionOf(index, filter))({ labels: {}, indexed: index.entriesOf(resource as never) });

function refusal(filter: string): string {
  try {
    conditionOf(executions, filter);
  } catch (error) {
    if (error instanceof Fault) {
      expect(error).toMatchObject({ kind: "invalid", reason: "INVALID_REQUEST" });
      expect(error.violations.map(({ field }) => field)).toEqual(["filter"]);
      return error.violations[0]?.description ?? "";
    }
  }
  throw new Error(`${filter.slice(0, 100)} was not refused`);
}

describe("a filter", () => {
  it.each([
    "",
    " ",
    'metadata.name = "run-1"',
    "metadata.name=run-1",
    "metadata.name = 'run-1'",
    'metadata.created_by = "tester"',
    "metadata.createdBy = tester",
    "spec.agent = ollama/qwen3:8b",
    'spec.agent = "ollama/*"',
    'spec.agent = "*8b"',
    'spec.agent = "*qwen*"',
    "spec.agent = *",
    "spec.agent != other*",
    "spec.agent:qwen",
    "spec.agent:*",
    'spec.message = "say \\"a\\*b\\\\c\\""',
    'spec.message = "say*"',
    'spec.agent > "ollama" AND spec.agent < "ollamb"',
    "status.phase = RUNNING",
    'status.phase = "EXECUTION_PHASE_RUNNING"',
    "status.phase:RUNNING",
    "status.phase:*",
    "status.turns = 12",
    "status.turns > 2",
    "status.turns >= 12 AND status.turns <= 12",
    "status.turns > -5",
    'status.start_time = "2023-11-14T22:13:20Z"',
    "status.startTime < 2023-11-14T22:13:20.000000001Z",
    'status.startTime = "2023-11-14T23:13:20+01:00"',
    'metadata.createTime > "1970-01-01T00:16:40.000000004Z"',
    "NOT status.endTime:*",
    "-status.endTime:*",
    'status.endTime != "2023-11-14T22:13:20Z"',
    "NOT (metadata.name = a OR metadata.name = b)",
    "metadata.name = run-1 status.turns = 12",
    "metadata.name = a OR metadata.name = run-1 AND status.turns = 12",
    "status.turns = 12 AND metadata.name = a OR metadata.name = run-1",
    "((((metadata.name = run-1))))",
  ])("is met by %j", (filter) => {
    expect(selects(filter)).toBe(true);
  });

  it.each([
    "metadata.name = run",
    "metadata.name != run-1",
    "spec.agent = 'ollama/\\*'",
    "spec.agent = QWEN*",
    "spec.agent:other",
    "status.phase = SUCCEEDED",
    "status.turns < 12",
    "status.turns = 2",
    "status.endTime:*",
    'status.endTime > "1970-01-01T00:00:00Z"',
    "metadata.name = a OR metadata.name = run-1 AND status.turns = 1",
    "-(metadata.name = run-1)",
    "metadata.name = x",
  ])("is not met by %j", (filter) => {
    expect(selects(filter)).toBe(false);
  });

  it("takes a field that nobody has set for its default, and knows that nobody has set it", () => {
    const fresh = create(RunnerSchema, {});

    expect(selects("status.connected = false", runners, fresh)).toBe(true);
    expect(selects("status.connected = true", runners, fresh)).toBe(false);
    expect(selects("status.connected:*", runners, fresh)).toBe(false);
    expect(selects('metadata.name = ""', runners, fresh)).toBe(true);
    expect(selects('metadata.createTime > "0001-01-01T00:00:00Z"', runners, fresh)).toBe(false);
  });

  it.each([
    ["spec.instructions = a", "no such field to filter by; there are .*status.startTime.*", 1],
    ["metadata.name = a AND nonsense = b", "no such field", 23],
    ["constructor = a", "no such field", 1],
    ["status.turns = many", "expects a whole number", 16],
    ['status.turns = "12"', "expects a whole number", 16],
    ["status.turns = 1.5", "expects a whole number", 16],
    [`status.turns = ${"9".repeat(21)}`, "expects a whole number", 16],
    ["status.phase = NONSENSE", "expects one of .*RUNNING", 16],
    ["status.phase > RUNNING", "can be compared by", 1],
    ["status.startTime > yesterday", "expects a time", 20],
    ['status.startTime > "2026-02-30T00:00:00Z"', "expects a time", 20],
    ['status.startTime > "2026-01-01"', "expects a time", 20],
    ["spec.agent = a*b", "a star may stand", 14],
    ["spec.agent", "expected one of =", 11],
    ["spec.agent =", "expected a value", 13],
    ["spec.agent = 'a", "without an end", 14],
    ["spec.agent = a)", 'unexpected "\\)"', 15],
    ["(spec.agent = a", 'expected "\\)"', 16],
    ["()", "expected a field", 2],
    ["AND spec.agent = a", "expected a field", 1],
    ["spec.agent = a AND", "expected a field", 19],
    ["spec.agent = a OR OR spec.agent = b", "expected a field", 19],
    ["NOT NOT spec.agent = a", "expected a field", 5],
    ["spec.agent = (a OR b)", "expected a value", 14],
    ['"a word"', "expected a field", 1],
    ["regex(spec.agent, 'a')", "expected one of =", 6],
    ['spec.agent = "a\0b"', "holds NUL", 14],
    ['spec.agent = "\ud800"', "holds NUL or a lone surrogate", 14],
    ['spec.agent:"\udfff"', "holds NUL or a lone surrogate", 12],
  ])("is refused where it is %j, with the place", (filter, words, place) => {
    expect(refusal(filter)).toMatch(new RegExp(`${words}.* at character ${place}$`));
  });

  it("is refused where it nests too deep", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}metadata.name = run-1${")".repeat(depth)}`;

    expect(selects(nested(MAX_FILTER_DEPTH))).toBe(true);
    for (const depth of [MAX_FILTER_DEPTH + 1, 1_000, 8_000]) expect(refusal(nested(depth))).toContain("deep");
    expect(refusal("-(".repeat(1_000))).toContain("deep");
    expect(refusal("NOT(".repeat(1_000))).toContain("deep");
  });

  it("is refused with too many comparisons, and where it is too long", () => {
    const many = (count: number) => Array.from({ length: count }, () => "metadata.name = run-1").join(" ");

    expect(selects(many(MAX_FILTER_TERMS))).toBe(true);
    expect(refusal(many(MAX_FILTER_TERMS + 1))).toContain("comparisons");
    expect(refusal(`metadata.name = ${"a".repeat(20_000)}`)).toContain("is longer than");
  });

  it("is looked up in the index as far as that goes", () => {
    const { where } = planOf(
      conditionOf(executions, "spec.agent = a* AND (status.phase = RUNNING OR status.turns > 3)"),
    );

    expect(where).toEqual([
      [{ field: "spec.agent", from: { value: "a", inclusive: true }, to: { value: "b", inclusive: false } }],
      [
        { field: "status.phase", in: [`${ExecutionPhase.RUNNING}`] },
        { field: "status.turns", from: { value: "08000000000000003", inclusive: false } },
      ],
    ]);
  });
});

describe("the fields of a kind", () => {
  it.each(["spec.nonsense", "spec", "metadata.labels", "metadata.ownerRefs", "status.usage"])("are not %s", (path) => {
    expect(() => createKindIndex(AgentExecutionSchema, [path])).toThrow(path);
  });
});
