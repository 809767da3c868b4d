import type { JsonObject } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { DependentsPolicy, RunningPolicy } from "@stigmer/contracts/commons";
import type { Answer, Calls } from "./calls.ts";
import type { Context, HttpAnswer, HttpRequest } from "./case.ts";
import type { Claims } from "./claims.ts";
import type { Combination } from "./combinations.ts";
import { kindClient } from "./kind-client.ts";
import { isUsers, type Kind, type Kinds } from "./kinds.ts";
import { idOf, nameOf, type Resource } from "./resource.ts";
import { type Examples, isObject, merge, nameReferences, resourceFrom } from "./samples.ts";
import { withSkillMd } from "./skill-contents.ts";
import { streamReader } from "./stream-reader.ts";

/** What the cases of one run share. */
export type Session = {
  readonly claims: Claims;
  readonly kinds: Kinds;
  readonly examples: Examples;
  /** Sets the names of this run apart from those of any other. */
  readonly run: string;
  readonly http: (request: HttpRequest) => Promise<HttpAnswer>;
  /** What is made once for all cases, by what it is made for. */
  readonly shared: Map<string, { readonly context: CaseContext; readonly making: Promise<readonly Resource[]> }>;
};

/** Longest time that one call may take. */
const CALL_MS = 15_000;
/** Label that says which case made a resource. */
const LABEL = "conformance";

type Made = { readonly kind: Kind; readonly id: string };

export type CaseContext = Context & {
  /** Deletes and purges what the case made. */
  readonly cleanUp: () => Promise<void>;
};

/** A context in which `token` names what is made. */
export function newContext(
  session: Session,
  of: { readonly combination: Combination; readonly transport: Transport; readonly token: string },
): CaseContext {
  const { combination, transport } = of;
  const token = `${session.run}-${of.token}`;
  const made: Made[] = [];
  let count = 0;
  const calls = callsOver(transport);
  const kindOf = (kind: Kind | string): Kind => (typeof kind === "string" ? session.kinds.named(kind) : kind);
  const context: CaseContext = {
    ...calls,
    ...{ combination, claims: session.claims, kinds: session.kinds, own: `${LABEL}=${token}`, http: session.http },
    unique: () => `c-${token}-${++count}`,
    kind: (kind) => kindClient(context, kindOf(kind)),
    async sample(named, change = {}) {
      const kind = kindOf(named);
      const own = { metadata: { name: context.unique(), labels: { [LABEL]: token } } };
      const described = merge(exampleOf(session, kind), own);
      const whole = merge(await withReferences(context, { kind, described }), change);
      return resourceFrom(kind, kind.name === "Skill" ? await withSkillMd(calls, whole) : whole);
    },
    async shared(key, make) {
      const there = session.shared.get(key);
      if (there) return { own: there.context.own, made: await there.making };
      const maker = newContext(session, { ...of, token: `s${session.shared.size}` });
      const making = make(maker);
      session.shared.set(key, { context: maker, making });
      return { own: maker.own, made: await making };
    },
    made: (kind, resource) => void made.push({ kind, id: idOf(resource as Resource) }),
    cleanUp: () => removeAll(context, made),
  };
  return context;
}

function callsOver(transport: Transport): Calls {
  const send: Calls["send"] = async (method, request, options) => {
    const headers = { ...options?.headers };
    const signal = AbortSignal.timeout(CALL_MS);
    const { message, header, trailer } = await transport.unary(method, signal, undefined, headers, request);
    return { message, header, trailer } as Answer<never>;
  };
  return {
    send,
    call: async (method, request, options) => (await send(method, request, options)).message,
    open: (method, request, options) =>
      streamReader(async (signal) => {
        const headers = { ...options?.headers };
        const answer = await transport.stream(method, signal, undefined, headers, createAsyncIterable([request]));
        return answer.message;
      }),
  };
}

function exampleOf(session: Session, kind: Kind): JsonObject {
  const example = session.examples.get(kind.name);
  if (!example) throw new Error(`there is no example of the kind ${kind.name}`);
  return example;
}

/** The description with names of resources that exist wherever it names one. */
async function withReferences(
  context: Context,
  of: { readonly kind: Kind; readonly described: JsonObject },
): Promise<JsonObject> {
  let { described } = of;
  for (const { field, kind } of nameReferences(of.kind)) {
    if (!isObject(described.spec) || !described.spec[field]) continue;
    described = merge(described, { spec: { [field]: nameOf(await sharedOf(context, kind)) } });
  }
  return described;
}

/** One resource for all cases that only need to refer to one. */
async function sharedOf(context: Context, kind: string): Promise<Resource> {
  const { made } = await context.shared(`one ${kind}`, async (maker) => [
    await maker.kind(kind).create(await maker.sample(kind)),
  ]);
  const [resource] = made;
  if (!resource) throw new Error(`there is no ${kind} to refer to`);
  return resource;
}

/** Removes what the cases shared, what was made last first. */
export async function removeShared({ shared }: Session): Promise<void> {
  for (const { context, making } of [...shared.values()].reverse()) {
    await making.catch(() => {});
    await context.cleanUp();
  }
  shared.clear();
}

/** What is gone already is no trouble, nor is what was never made. */
async function removeAll(context: Context, made: readonly Made[]): Promise<void> {
  for (const { kind, id } of [...made].reverse()) {
    if (!isUsers(kind)) continue;
    const client = kindClient(context, kind);
    const policies = { running: RunningPolicy.LEAVE, dependents: DependentsPolicy.ORPHAN };
    await client.delete({ id, ...policies }).catch(() => {});
    await client.purge({ id }).catch(() => {});
  }
}
