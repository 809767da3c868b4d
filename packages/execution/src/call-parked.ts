/** A call goes on, but nobody waits for its end any more: its server asks a person, and the execution is parked meanwhile. */
export class CallParked extends Error {
  readonly approvalId: string;
  constructor(approvalId: string) {
    super("the call waits for a person");
    this.name = "CallParked";
    this.approvalId = approvalId;
  }
}
