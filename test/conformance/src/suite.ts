import type { Transport } from "@connectrpc/connect";
import type { Case } from "./case.ts";
import { allCases } from "./cases/all.ts";
import type { Claims, KnownFailure } from "./claims.ts";
import { type Combination, combinationOver, combinationsAt } from "./combinations.ts";
import { newContext, removeShared, type Session } from "./context.ts";
import { askHttp } from "./http.ts";
import { readKinds } from "./kinds.ts";
import type { Examples } from "./samples.ts";

export type { Case } from "./case.ts";
export { type Claims, type KnownFailure, parseClaims, parseKnownFailures } from "./claims.ts";
export { type Examples, parseExamples } from "./samples.ts";

export type SuiteOptions = {
  /** Where the backend is; every combination of protocol, encoding and HTTP version is tried. */
  readonly url?: string;
  /** How to reach it instead, where it has no URL, such as a router in memory. */
  readonly transport?: Transport;
  readonly claims: Claims;
  readonly examples: Examples;
  readonly knownFailures?: readonly KnownFailure[];
};

/** A case over one combination. */
export type CaseRun = {
  /** `refuses a name that is taken (connect json h1)`. */
  readonly name: string;
  /** Name of the case, the same over every combination. */
  readonly body: string;
  /** Resolves where the backend does what it must; for a known failure, where it does not. Cleans up in either case. */
  readonly run: () => Promise<void>;
};

export interface Suite extends AsyncDisposable {
  readonly runs: readonly CaseRun[];
}

const SPREAD = 3;

/** Every case over every combination that can carry it. Disposing of the suite removes what its cases shared. */
export function conformanceSuite(options: SuiteOptions): Suite {
  const session = newSession(options);
  const combinations = combinationsOf(options);
  const lines = combinations.map((combination) => ({ combination, ...combination.connect() }));
  const cases = allCases(session).filter(({ feature }) => !feature || options.claims.claimed.includes(feature));
  assertDistinct(cases);
  const runs = cases.flatMap((body, at) =>
    chosen(body, at, lines).map((line) => {
      const name = `${body.name} (${line.combination.name})`;
      const known = options.knownFailures?.find((failure) => failure.case === name || failure.case === body.name);
      const token = `${lines.indexOf(line).toString(36)}-${at.toString(36)}`;
      const run = () => runOver(session, { ...line, body, token });
      return { name, body: body.name, run: known ? () => mustFail(run, known) : run };
    }),
  );
  return {
    runs,
    async [Symbol.asyncDispose]() {
      await removeShared(session);
      for (const { close } of lines) close();
    },
  };
}

function newSession({ url, claims, examples }: SuiteOptions): Session {
  return {
    ...{ claims, examples, kinds: readKinds(), shared: new Map() },
    run: Math.floor(Math.random() * 36 ** 6)
      .toString(36)
      .padStart(6, "0"),
    http: (request) => (url ? askHttp(url, request) : Promise.reject(new Error("the backend has no URL"))),
  };
}

function combinationsOf({ url, transport }: SuiteOptions): readonly Combination[] {
  if (url) return combinationsAt(url);
  if (transport) return [combinationOver(transport)];
  throw new Error("the suite needs a URL or a transport");
}

/** Names tell cases apart, in reports and in the list of known failures. */
function assertDistinct(cases: readonly Case[]): void {
  const seen = new Set<string>();
  for (const { name } of cases) {
    if (seen.has(name)) throw new Error(`two cases are called "${name}"`);
    seen.add(name);
  }
}

/** Over what a case is run: whatever can carry it; of one that says the same over each, every third, beginning with another each time. */
function chosen<L extends Line>({ needs = [], spread }: Case, at: number, lines: readonly L[]): readonly L[] {
  const able = lines.filter(({ combination }) => needs.every((need) => combination.offers.includes(need)));
  return spread && able.length >= SPREAD ? able.filter((_, way) => (at + way) % SPREAD === 0) : able;
}

type Line = { readonly combination: Combination; readonly transport: Transport };

async function runOver(session: Session, of: Line & { readonly body: Case; readonly token: string }): Promise<void> {
  const { body, combination, token } = of;
  const own = body.breaksConnection ? combination.connect() : undefined;
  const context = newContext(session, { combination, token, transport: own?.transport ?? of.transport });
  try {
    await body.run(context);
  } finally {
    await context.cleanUp();
    own?.close();
  }
}

async function mustFail(run: () => Promise<void>, { reason }: KnownFailure): Promise<void> {
  const passed = await run().then(
    () => true,
    () => false,
  );
  if (passed) throw new Error(`passes, and stands among the known failures: ${reason}`);
}
