/** An amount in millionths of a US dollar, as people write it: `$1.25`, and `$0.000125` where it is small. */
export function dollars(micros: bigint): string {
  const digits = String(micros % 1_000_000n).padStart(6, "0");
  const fraction = micros < 10_000n ? digits.replace(/0{1,4}$/, "") : roundedCents(digits);
  return `$${micros / 1_000_000n}.${fraction}`;
}

/** Four digits tell enough of what is more than a cent. */
function roundedCents(digits: string): string {
  return digits.slice(0, 4).replace(/0{1,2}$/, "");
}
