import { createHash } from "node:crypto";
import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  getOption,
  hasOption,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { type Clock, type IdSource, invalid, isFault, type Log, type Reason } from "@stigmer/base";
import { Effect, type MethodOptions, method as methodOption } from "@stigmer/contracts/commons";
import type { Batch, Blobs, Precondition, Reader, Store } from "@stigmer/store";
import type { Call, IncomingCall } from "./call.ts";
import type { DataKeys } from "./data-keys.ts";
import { holdsSensitive } from "./fields/shape.ts";
import { keepingOf } from "./keeping.ts";
import type { Kinds, Resource } from "./kind.ts";
import type { Auditor, AuditRecord, Authorizer, Keys } from "./port.ts";
import { concealed } from "./sealing.ts";
import { clearOutputOnly, type MessageRules } from "./validate.ts";

export type PipelineDeps = {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly kinds: Kinds;
  readonly authorizer: Authorizer;
  readonly auditor: Auditor;
  readonly keys: Keys;
  readonly dataKeys: DataKeys;
  readonly rules: MessageRules;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
};

/** What a command wants to store, and what it answers. Without a batch it stores nothing but the answer to its key. */
export type Plan<A extends Message> = {
  readonly batch?: Batch;
  readonly preconditions?: readonly Precondition[];
  readonly answer: A;
  /** The answer's encoding as it is before the commit gives it its version, where the plan has made it already. */
  readonly encoded?: Uint8Array;
  /** Id or name of the resource, for the audit record. */
  readonly resource: string;
  /** Wakes who waits for what was committed; must be something that could be redone from the store. */
  readonly afterCommit?: (revision: number) => void;
};

/** The stages that every request passes, whatever its kind. */
export interface Pipeline {
  /** validate and authorize: throws, or returns the call with the organization in force. */
  admit(request: Message, call: IncomingCall): Promise<Call>;
  /** Runs what belongs to a call and is neither of the other stages; a refusal is recorded. */
  audited<T>(call: IncomingCall, run: () => Promise<T>): Promise<T>;
  /**
   * persist, publish and audit: plans on the newest state, commits, and plans again where another writer came first, a
   * bounded number of times. A repeated idempotency key is answered from the stored answer, and nothing runs.
   */
  command<A extends Message>(request: Message, call: Call, plan: (read: Reader) => Promise<Plan<A>>): Promise<A>;
}

const MAX_PLANS = 16;
/** Refusals of a commit after which a new plan may fit: somebody else was quicker. */
const MOVED: ReadonlySet<Reason> = new Set<Reason>(["VERSION_MOVED", "RESOURCE_EXISTS", "LEASE_FENCED"]);
const NO_DIGEST = new Uint8Array();
const ANSWER_LIFETIME_MS = 24 * 60 * 60 * 1000;

export function createPipeline(deps: PipelineDeps): Pipeline {
  return {
    admit: (request, call) => audited(deps, call, () => admit(deps, request, call)),
    audited: (call, run) => audited(deps, call, run),
    command: (request, call, plan) => {
      const command = { call, digest: call.idempotencyKey ? requestDigest(deps.keys, call, request) : NO_DIGEST };
      return audited(
        deps,
        call,
        async () => (await storedAnswer(deps, command)) ?? (await persist(deps, command, plan)),
      ) as Promise<never>;
    },
  };
}

const known = new WeakMap<DescMethod, MethodOptions | undefined>();

/** The options of a method; every method of the contract has them. */
export function optionsOf({ method }: Pick<IncomingCall, "method">): MethodOptions | undefined {
  // The library decodes an option anew each time that it is asked for.
  if (!known.has(method))
    known.set(method, hasOption(method, methodOption) ? getOption(method, methodOption) : undefined);
  return known.get(method);
}

async function admit(deps: PipelineDeps, request: Message, call: IncomingCall): Promise<Call> {
  const { input } = call.method;
  const { permission = "", resource: path = "" } = optionsOf(call) ?? {};
  const resource = path ? String(valueAt(request, path) ?? "") : "";
  if (deps.kinds.ofMessage(input.typeName)) clearOutputOnly(input, request);
  deps.rules.check(input, request);
  const org = await deps.authorizer.authorize({ caller: call.caller, permission, org: orgOf(request), resource });
  return { ...call, org };
}

/** A call, and the digest of its request as it came in, where the call has an idempotency key. */
type Command = { readonly call: Call; readonly digest: Uint8Array };

async function persist<A extends Message>(
  deps: PipelineDeps,
  command: Command,
  plan: (read: Reader) => Promise<Plan<A>>,
): Promise<A> {
  for (let count = 1; ; count++) {
    const plannedNow = await plan(deps.store).catch((error) => answeredMeanwhile<A>(deps, command, error));
    if (!("answer" in plannedNow)) return plannedNow.stored;
    const planned = concealedPlan(deps.kinds, plannedNow);
    if (!planned.batch && !command.call.idempotencyKey) return planned.answer;
    try {
      const { puts, preconditions } = await keepingOf(deps.store, planned.batch?.puts);
      const batch =
        puts.length > 0 ? { ...planned.batch, puts: [...(planned.batch?.puts ?? []), ...puts] } : planned.batch;
      const revision = await deps.store.commit({ ...batch, ...extras(deps, command, planned) }, [
        ...(planned.preconditions ?? []),
        ...preconditions,
        ...answerAbsent(command.call),
      ]);
      planned.afterCommit?.(revision);
      return versioned(deps, planned.answer, revision);
    } catch (error) {
      if (!isFault(error) || !MOVED.has(error.reason) || count === MAX_PLANS) throw error;
      const stored = await storedAnswer(deps, command);
      if (stored) return stored as A;
    }
  }
}

/** Nobody is answered with what is sealed, now or when the command comes again. */
function concealedPlan<A extends Message>(kinds: Kinds, plan: Plan<A>): Plan<A> {
  const kind = kinds.ofMessage(plan.answer.$typeName);
  if (!kind?.holdsSecrets) return plan;
  const answer = concealed(kind, plan.answer as Message as Resource) as Message as A;
  const { encoded: _, ...rest } = plan;
  return answer === plan.answer ? plan : { ...rest, answer };
}

/** Where a try of the same command that came at the same time was quicker, a plan that failed is answered like that one. */
async function answeredMeanwhile<A extends Message>(
  deps: PipelineDeps,
  command: Command,
  error: unknown,
): Promise<{ readonly stored: A }> {
  const stored = await storedAnswer(deps, command);
  if (stored) return { stored: stored as A };
  throw error;
}

function extras<A extends Message>(deps: PipelineDeps, { call, digest }: Command, planned: Plan<A>): Batch {
  const now = deps.clock.now();
  const audits = [deps.auditor.encode(record(call, { now, resource: planned.resource, outcome: "ok" }))];
  if (!call.idempotencyKey) return { audits };
  const answer = {
    tenant: call.org,
    key: call.idempotencyKey,
    digest,
    bytes: planned.encoded ?? toBinary(call.method.output, planned.answer),
    expiresAt: now + ANSWER_LIFETIME_MS,
  };
  return { audits, answers: [answer] };
}

async function storedAnswer(deps: PipelineDeps, { call, digest }: Command): Promise<Message | undefined> {
  if (!call.idempotencyKey) return undefined;
  const stored = await deps.store.answer({ tenant: call.org, key: call.idempotencyKey });
  if (!stored || stored.expiresAt <= deps.clock.now()) return undefined;
  if (!Buffer.from(stored.digest).equals(digest)) {
    const description = "was used for another request; send a new key";
    throw invalid([{ field: "idempotency-key", description }], "IDEMPOTENCY_KEY_REUSED");
  }
  return versioned(deps, fromBinary(call.method.output, stored.bytes), stored.revision);
}

function answerAbsent(call: Call): readonly Precondition[] {
  return call.idempotencyKey ? [{ noAnswer: { tenant: call.org, key: call.idempotencyKey } }] : [];
}

/** Under a key where the request may hold what is sensitive: nobody without it can try values. */
function requestDigest(keys: Keys, call: Call, request: Message): Uint8Array {
  const { method } = call;
  const digest = createHash("sha256")
    .update(`${method.parent.typeName}/${method.name}\0${call.fieldManager ?? ""}\0`)
    .update(toBinary(method.input, request))
    .digest();
  return mayHoldSensitive(method.input) ? keys.mac("sensitive-digest", digest.toString("hex")) : digest;
}

/** What is packed may be of any kind. */
function mayHoldSensitive(input: DescMessage): boolean {
  return holdsSensitive(input) || input.fields.some(({ message }) => message?.typeName === "google.protobuf.Any");
}

/** A resource that a commit wrote carries that commit's revision as its version; also where it stands packed in the answer. */
function versioned<A extends Message>(deps: PipelineDeps, answer: A, revision: number): A {
  const { metadata, resource } = answer as Partial<Resource> & { resource?: Any };
  if (metadata && !metadata.resourceVersion) metadata.resourceVersion = String(revision);
  if (resource?.$typeName !== "google.protobuf.Any") return answer;
  const kind = deps.kinds.ofMessage(resource.typeUrl.split("/").at(-1) ?? "");
  const inner = kind && anyUnpack(resource, kind.schema);
  if (kind && inner) anyPack(kind.schema, versioned(deps, inner, revision), resource);
  return answer;
}

async function audited<T>(deps: PipelineDeps, call: IncomingCall, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (optionsOf(call)?.effect === Effect.WRITE) {
      const outcome = isFault(error) ? error.reason : "INTERNAL";
      deps.auditor.refused(record(call, { now: deps.clock.now(), resource: "", outcome }));
    }
    throw error;
  }
}

function record(
  call: IncomingCall & { readonly org?: string },
  facts: { now: number; resource: string; outcome: string },
): AuditRecord {
  return {
    time: facts.now,
    requestId: call.requestId,
    subject: call.caller.subject,
    method: `${call.method.parent.typeName}/${call.method.name}`,
    org: call.org ?? call.caller.org,
    resource: facts.resource,
    outcome: facts.outcome,
  };
}

/** Organization that a request names, in the one of the two places where requests name it. */
function orgOf(request: Message): string {
  const { metadata, org } = request as Message & {
    readonly metadata?: { readonly org?: unknown };
    readonly org?: unknown;
  };
  const named = metadata?.org ?? org;
  return typeof named === "string" ? named : "";
}

/** The value at the path of an option: names of the contract's protos, with points between them. */
function valueAt(message: Message, path: string): unknown {
  let value: unknown = message;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[protoCamelCase(part)];
  }
  return value;
}
