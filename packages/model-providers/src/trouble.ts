export type TroubleOptions = ErrorOptions & {
  /** The status that the provider would have answered with, had it known before it began. */
  readonly status?: number;
};

/** Why a provider gave no usable answer. It becomes a fault before it leaves this package. */
export class Trouble extends Error {
  override readonly name = "Trouble";
  readonly status: number | undefined;

  constructor(message: string, { status, ...options }: TroubleOptions = {}) {
    super(message, options);
    this.status = status;
  }
}
