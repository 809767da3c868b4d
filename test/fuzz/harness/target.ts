import type fc from "fast-check";

/** One kind of input, and where it goes. */
export interface Target<Input = unknown> {
  readonly name: string;
  /** How many inputs it takes in one round. */
  readonly inputs: number;
  /** `reached` are inputs of earlier rounds that made something run for the first time. */
  arbitrary(reached: readonly Input[]): fc.Arbitrary<Input>;
  /** Throws a finding where what it sees must not be. */
  send(input: Input): Promise<void>;
}
