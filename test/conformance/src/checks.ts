import { isDeepStrictEqual } from "node:util";
import { type DescMessage, type Message, type MessageShape, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "@stigmer/contracts/rpc";
import { registry } from "./combinations.ts";
import { CODES, type Refusable } from "./reasons.ts";

export const ERROR_DOMAIN = "stigmer.ai";

/** What a backend said when it refused a call. */
export type Refusal = {
  readonly error: ConnectError;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Paths of the fields that it names. */
  readonly fields: readonly string[];
};

/** Throws with `what` where the condition does not hold. */
export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Throws where two values differ in anything. */
export function same(got: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(got, expected)) throw new Error(`${what}: expected ${show(expected)}, got ${show(got)}`);
}

/** Throws where two messages differ in anything, as their JSON says. */
export function sameMessage<D extends DescMessage>(schema: D, got: Message, expected: Message): void {
  const json = (message: Message) => toJson(schema, message as MessageShape<D>, { registry });
  same(json(got), json(expected), schema.typeName);
}

/**
 * Resolves to the refusal of a call, which must carry the reason, the code that goes with it, exactly one `ErrorInfo` and
 * a request id, and where `field` is given name that field.
 */
export async function refused(call: Promise<unknown>, reason: Refusable, field?: string): Promise<Refusal> {
  const refusal = await refusalOf(call);
  same(refusal.reason, reason, "reason");
  same(Code[refusal.error.code], Code[CODES[reason]], "code");
  if (field !== undefined) {
    const named = refusal.fields.some((path) => path === field || path.startsWith(`${field}[`));
    check(named, `expected BadRequest to name ${field}, got ${show(refusal.fields)}`);
  }
  return refusal;
}

/** Resolves to the refusal of a call, whatever its reason; throws where the call succeeds, or its error breaks the rules of errors. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error = await errorOf(call);
  const infos = error.findDetails(ErrorInfoSchema);
  check(
    infos.length === 1,
    `expected one ErrorInfo, got ${infos.length}, with ${Code[error.code]}: ${error.rawMessage}`,
  );
  const [info] = infos;
  same(info?.domain, ERROR_DOMAIN, "domain of ErrorInfo");
  check(error.metadata.get("x-request-id"), "a refusal carries no x-request-id");
  const violations = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  for (const { field, description } of violations) {
    check(
      field !== "" && description !== "",
      `a violation without field or description: ${show({ field, description })}`,
    );
  }
  return {
    error,
    reason: info?.reason ?? "",
    metadata: info?.metadata ?? {},
    fields: violations.map(({ field }) => field),
  };
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  let answer: unknown;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  throw new Error(`expected a refusal, got ${show(answer)}`);
}

function show(value: unknown): string {
  const text =
    JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)) ?? String(value);
  return text.length > 1000 ? `${text.slice(0, 1000)}…` : text;
}
