/** Why a provider gave no usable answer. It becomes `PROVIDER_UNAVAILABLE` before it leaves this package. */
export class Trouble extends Error {
  override readonly name = "Trouble";
}
