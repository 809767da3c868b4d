import { type Fault, precondition, unavailable } from "@stigmer/base";
import { errorDetail, tidy } from "./error-detail.ts";
import type { Trouble } from "./trouble.ts";

/** Whom the faults are about. The key is known so that it can be kept out of them. */
export type FaultSubject = {
  readonly name: string;
  /** Base URL as it may be shown. */
  readonly address: string;
  readonly apiKey: string | undefined;
  /** Where the user sets the key: the name of an environment variable. */
  readonly keyName: string | undefined;
};

export type Refusal = { readonly status: number; readonly body: string; readonly retryAfterMs: number | undefined };

/** Turns what a provider did into a fault. No fault holds the key, even where the provider's words do. */
export interface ProviderFaults {
  /** For an answer whose status is not 200. */
  ofStatus(refusal: Refusal): Fault;
  ofTrouble(trouble: Trouble): Fault;
}

const TRANSIENT = new Set([408, 409, 429]);

/** Whether another try may help after this status. */
export function isTransient(status: number): boolean {
  return TRANSIENT.has(status) || status < 400 || status >= 500;
}

export function providerFaults(subject: FaultSubject): ProviderFaults {
  return {
    ofStatus(refusal) {
      const { status } = refusal;
      const facts = { provider: subject.name, status };
      const message = describe(subject, refusal);
      if (!isTransient(status)) return precondition("PROVIDER_REFUSED", facts, { message });
      const wait = refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs };
      return unavailable("PROVIDER_UNAVAILABLE", facts, { message, ...wait });
    },
    ofTrouble(trouble) {
      const message = `provider ${JSON.stringify(subject.name)}: ${tidy(trouble.message, subject.apiKey)}`;
      return unavailable("PROVIDER_UNAVAILABLE", { provider: subject.name }, { message, cause: trouble.cause });
    },
  };
}

function describe(subject: FaultSubject, { status, body }: Refusal): string {
  const who = `provider ${JSON.stringify(subject.name)}`;
  if (status === 401 || status === 403) return `${who} ${keyRefused(subject, status)}`;
  const detail = errorDetail(body, subject.apiKey);
  const words = detail && `: ${detail}`;
  if (status === 404) {
    return `${who} knows no such model or path (status 404); check the model's name and the base url ${subject.address}${words}`;
  }
  if (status === 429) return `${who} asks to slow down (status 429)${words}`;
  if (isTransient(status)) return `${who} is not available (status ${status})${words}`;
  return `${who} refused the request (status ${status})${words}`;
}

// The provider's own words are left out here: they say the same, and many quote the key.
function keyRefused({ apiKey, keyName, address }: FaultSubject, status: number): string {
  const where = keyName ? `in ${keyName}` : `that is valid for ${address}`;
  if (apiKey === undefined) return `wants a key and none is set (status ${status}); set one ${where}`;
  return `refused the key (status ${status}); set one ${keyName ? `that it accepts ${where}` : where}`;
}
