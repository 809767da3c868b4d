import { create } from "@bufbuild/protobuf";
import { createRedactor, precondition } from "@stigmer/base";
import { ApprovalDecision, ExecutionCreatedSchema, ExecutionEventSchema } from "@stigmer/contracts/agentic";
import { expect, it } from "vitest";
import { createRedaction } from "./redaction.ts";
import type { Variables } from "./variables.ts";

const REF = { org: "local", id: "aex_1" };
const CREATED = create(ExecutionCreatedSchema, {});

/** The key that seals secrets is away. */
const AWAY: Variables = {
  existing: () => Promise.reject(precondition("SEALING_KEY_MISSING", {})),
  receive: () => Promise.reject(precondition("SEALING_KEY_MISSING", {})),
  sourcesOf: () => Promise.reject(precondition("SEALING_KEY_MISSING", {})),
};

function decided(edited: string) {
  const value = { approvalId: "apr_1", decision: ApprovalDecision.APPROVED, comment: "it is fine", arguments: edited };
  return create(ExecutionEventSchema, { event: { case: "approvalDecided", value } });
}

it("records what the backend decided without its words while the sealing key is away", async () => {
  const redaction = createRedaction({ redactor: createRedactor(), variables: AWAY });

  const [event] = await redaction.events(REF, CREATED, [decided("")]);

  expect(event?.event.value).toMatchObject({ decision: ApprovalDecision.APPROVED, comment: "***" });
});

it("refuses arguments of a person while the sealing key is away, as masked ones would be another call", async () => {
  const redaction = createRedaction({ redactor: createRedactor(), variables: AWAY });

  await expect(redaction.events(REF, CREATED, [decided('{"path":"/a"}')])).rejects.toMatchObject({
    reason: "SEALING_KEY_MISSING",
  });
});
