import type { Contract } from "../contract.ts";
import { order } from "../contract.ts";
import { page, prose, table } from "./markdown-text.ts";

const REASONS = "ai.stigmer.commons.error.v1.ErrorReason";
const PREFIX = "ERROR_REASON_";
/** Reasons that no call is answered with; their comments say so. */
const NEVER_AN_ANSWER = /Stands in an execution's status only\.$/;

export type ReasonText = {
  readonly reason: string;
  /** Its gRPC status code, or the two that it may have; none where no call is answered with it. */
  readonly codes: readonly string[];
  readonly meaning: string;
  readonly advice: string;
};

/** Every reason that a call may be refused with, what it means, and what to do next. */
export function errorsPage(contract: Contract): string {
  const rows = reasonsOf(contract)
    .toSorted((one, other) => order(one.reason, other.reason))
    .map(({ reason, codes, meaning, advice }) => [
      `<a id="${reason.toLowerCase()}"></a>\`${reason}\``,
      codes.map((code) => `\`${code}\``).join(" or ") || "none",
      prose(meaning),
      prose(advice),
    ]);
  return page("# Errors", INTRODUCTION, table(["reason", "code", "what it means", "what to do next"], rows));
}

/** What the contract says of each reason but the one that means nothing, in its order. */
export function reasonsOf({ files, comments }: Contract): readonly ReasonText[] {
  const reasons = files
    .flatMap((file) => file.enums)
    .filter(({ typeName }) => typeName === REASONS)
    .flatMap(({ values }) => values.filter(({ number }) => number !== 0))
    .map(({ name }) => reasonText(name.slice(PREFIX.length), comments.get(`${REASONS}.${name}`)));
  if (reasons.length === 0) throw new Error(`the contract has no ${REASONS}`);
  return reasons;
}

/** The parts of a reason's comment: what it means, `Code X.` or `Code X or Y.`, what to do next. Fails where one is missing. */
export function reasonText(reason: string, comment: string | undefined): ReasonText {
  if (comment === undefined) throw new Error(`${reason} has no comment in the contract`);
  if (NEVER_AN_ANSWER.test(comment))
    return { reason, codes: [], meaning: comment, advice: "Nothing: no call is answered with it." };
  const [, meaning, code, advice] = /^(.+?) Code ([A-Z_]+(?: or [A-Z_]+)?)\.(?: (.+))?$/s.exec(comment) ?? [];
  if (!meaning || !code) throw new Error(`the comment of ${reason} does not say its code, as "Code INVALID_ARGUMENT."`);
  if (!advice) throw new Error(`the comment of ${reason} does not say, after its code, what to do next`);
  const codes = code.split(" or ");
  const unknown = codes.find((each) => !CODES.has(each));
  if (unknown) throw new Error(`the comment of ${reason} says ${unknown}, which is no gRPC status code`);
  return { reason, codes, meaning, advice };
}

const CODES = new Set(
  `CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED
  FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED`.split(/\s+/),
);

const INTRODUCTION = `An error is a \`google.rpc.Status\` with exactly one \`google.rpc.ErrorInfo\`, whose domain is \`stigmer.ai\` and whose reason is one of
these. Decide by code and reason; messages are for people, and change. Where they say something, \`BadRequest\` names each
field that is wrong, and \`PreconditionFailure\`, \`QuotaFailure\`, \`RetryInfo\` and \`ResourceInfo\` follow.`;
