import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { createRegistry, toJson } from "@bufbuild/protobuf";
import { files } from "@stigmer/contracts/files";
import { ROOT } from "@stigmer/e2e/harness";
import fc from "fast-check";
import { stringify } from "yaml";
import { Finding } from "../harness/finding.ts";
import type { Target } from "../harness/target.ts";
import type { World } from "../harness/world.ts";
import { edited, edits } from "../inputs/edits.ts";
import { messageOf } from "../inputs/message.ts";
import { validateWithCli } from "./cli-validate.ts";

type Manifest = {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether the whole CLI reads it too, which takes longer. */
  readonly wholeCli: boolean;
};
type Answer = {
  readonly manifests: number;
  readonly problems: readonly {
    readonly place: { readonly line: number; readonly column: number };
    readonly message: string;
  }[];
};

const rarely = fc.oneof({ weight: 40, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
const READER = join(ROOT, "cmd/stigmer/src/manifest-reader.fake.ts");
const ANSWER_MS = 3_000;
const NASTY = [
  "&a [*a, *a]",
  "a: &a\n  b: *a",
  "!!binary aGk=",
  "!<tag:x> {}",
  "? [a, b] : c",
  "<<: {kind: Agent}",
  "kind: Agent\nkind: Agent",
  "__proto__: {kind: Agent}",
  "{kind: Agent, metadata: {name: a}, spec: {instructions: 1e400, maxTurns: 0x7fffffffffffffff}}",
  "---\n...\n---\n",
  "%YAML 9.9\n---\nkind: Agent",
  "kind: Agent\nmetadata: {labels: {? 1 : 2}}\nspec: {mcpServers: [{name: a, tools: ~}]}",
];

/** Manifests for the CLI's reader: the examples and random resources as YAML and JSON, spoilt, and YAML at its worst. */
export function manifests(world: World, resources: AsyncDisposableStack): Target<Manifest> {
  const reader = startReader(resources);
  const registry = createRegistry(...files);
  const generated = fc.oneof(
    ...world.vocabulary.kinds.map((kind) =>
      messageOf(kind, world.vocabulary).map((message) => {
        try {
          return toJson(kind, message, { registry });
        } catch {
          return {}; // a time out of its range
        }
      }),
    ),
  );
  const yaml = fc
    .array(generated, { minLength: 1, maxLength: 3 })
    .map((values) => values.map((value) => stringify(value)).join("---\n"));
  const json = generated.map((value) => JSON.stringify(value, null, 1));
  const deep = fc
    .tuple(fc.constantFrom("[", "{a: ", "- ", "? "), fc.integer({ min: 10, max: 20_000 }))
    .map(([open, depth]) => open.repeat(depth));
  const text = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...world.manifests) },
    { weight: 3, arbitrary: yaml },
    { weight: 2, arbitrary: json },
    { weight: 2, arbitrary: fc.constantFrom(...NASTY) },
    { weight: 1, arbitrary: deep },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  );
  return {
    name: "manifests",
    inputs: 60,
    arbitrary: () =>
      fc
        .record({ name: fc.constantFrom("m.yaml", "m.json"), text, changes: edits, wholeCli: rarely })
        .map(({ text: whole, changes, ...rest }) => ({ ...rest, bytes: edited(Buffer.from(whole), changes) })),
    async send({ name, bytes, wholeCli }) {
      const { problems } = await reader({ name, text: Buffer.from(bytes).toString("utf8") });
      for (const { place, message } of problems) {
        if (place.line < 1 || place.column < 1 || message === "" || /undefined|\[object/.test(message))
          throw new Finding("a manifest's problem does not say what and where", JSON.stringify(problems));
      }
      if (wholeCli) validateWithCli(bytes, name === "m.yaml" && problems.length > 0);
    },
  };
}

/** The CLI's reader, in a process that is started again when it has ended. */
function startReader(resources: AsyncDisposableStack): (source: object) => Promise<Answer> {
  let child: ChildProcess | undefined;
  let said = "";
  resources.defer(() => void child?.kill());
  const current = (): ChildProcess => {
    if (child && child.exitCode === null && child.signalCode === null) return child;
    said = "";
    child = fork(READER, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    child.stderr?.on("data", (text) => {
      said += text;
    });
    return child;
  };
  return (source) =>
    new Promise((resolve, reject) => {
      const reader = current();
      const ended = (): void => {
        clearTimeout(timer);
        reject(new Finding(`the CLI's reader throws: ${errorIn(said)}`, said));
      };
      const timer = setTimeout(() => {
        reader.off("close", ended);
        reject(new Finding(`the CLI's reader takes more than ${ANSWER_MS} ms for a manifest`));
        reader.kill("SIGKILL");
      }, ANSWER_MS);
      reader.once("close", ended);
      reader.once("message", (answer: Answer) => {
        clearTimeout(timer);
        reader.off("close", ended);
        resolve(answer);
      });
      reader.send(source);
    });
}

function errorIn(text: string): string {
  return /^\w*Error.*$/m.exec(text)?.[0] ?? "no error is said";
}
