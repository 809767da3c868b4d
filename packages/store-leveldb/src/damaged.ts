/** Stored bytes are not what the driver wrote. Never leaves the package: `level-errors.ts` turns it into a fault. */
export class Damaged extends Error {
  override readonly name = "Damaged";
}
