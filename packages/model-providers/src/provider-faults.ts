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
  /** What to do where there is no such model. */
  readonly missingModel: string | undefined;
};

export type Refusal = { readonly status: number; readonly body: string; readonly retryAfterMs?: number | undefined };

/** Turns what a provider did into a fault. No fault holds the key, even where the provider's words do. */
export interface ProviderFaults {
  /** For an answer whose status is not 200. */
  ofStatus(refusal: Refusal): Fault;
  ofTrouble(trouble: Trouble): Fault;
  /** For a request that the provider cannot be sent. */
  refused(problem: string): Fault;
}

/** Nobody waits so long for a used up account to be filled; another provider may be asked at once. */
const USED_UP_MS = 24 * 60 * 60 * 1000;

const TRANSIENT = new Set([408, 409, 429]);

/** Whether another try may help after this status. */
export function isTransient(status: number): boolean {
  return TRANSIENT.has(status) || status < 400 || status >= 500;
}

export function providerFaults(subject: FaultSubject): ProviderFaults {
  const { name, apiKey } = subject;
  const faults: ProviderFaults = {
    ofStatus(refusal) {
      const { status, body } = refusal;
      const facts = { provider: name, status };
      const message = describe(subject, refusal);
      if (isOverflow(status, body)) return precondition("CONTEXT_OVERFLOW", facts, { message });
      if (isUsedUp(status, body)) {
        return unavailable("PROVIDER_UNAVAILABLE", facts, { message, retryAfterMs: USED_UP_MS });
      }
      if (!isTransient(status)) return precondition("PROVIDER_REFUSED", facts, { message });
      const wait = refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs };
      return unavailable("PROVIDER_UNAVAILABLE", facts, { message, ...wait });
    },
    ofTrouble(trouble) {
      const { status, cause } = trouble;
      if (status !== undefined) return faults.ofStatus({ status, body: trouble.message });
      const message = `provider ${JSON.stringify(name)}: ${tidy(trouble.message, apiKey)}`;
      return unavailable("PROVIDER_UNAVAILABLE", { provider: name }, { message, cause });
    },
    refused: (problem) =>
      precondition(
        "PROVIDER_REFUSED",
        { provider: name },
        { message: `provider ${JSON.stringify(name)}: ${tidy(problem, apiKey)}` },
      ),
  };
  return faults;
}

// Where there is no word for it, vendors and servers say it in a sentence of their own.
const OVERFLOW = new RegExp(
  [
    "context_length_exceeded|exceed_context_size|model_context_window_exceeded",
    "prompt is too long|prompt too long|input is too long",
    "(maximum|max) (context|prompt|model) length",
    "exceed\\w*[^.\\n]{0,80}context",
    "context (length|window|size|limit)[^.\\n]{0,40}exceed",
    "input tokens? (count )?[^.\\n]{0,40}exceed",
    "reduce the length of the (messages|prompt|input)",
  ].join("|"),
  "i",
);

function isOverflow(status: number, body: string): boolean {
  return [400, 413, 422, 500].includes(status) && OVERFLOW.test(body);
}

const USED_UP =
  /insufficient_quota|exceeded your current quota|credit balance is too low|insufficient (credits|balance)/i;

function isUsedUp(status: number, body: string): boolean {
  return status === 402 || ([400, 403, 429].includes(status) && USED_UP.test(body));
}

function describe(subject: FaultSubject, { status, body }: Refusal): string {
  const who = `provider ${JSON.stringify(subject.name)}`;
  const detail = errorDetail(body, subject.apiKey);
  const words = detail && `: ${detail}`;
  if (isOverflow(status, body))
    return `${who}: the conversation is longer than the model takes (status ${status})${words}`;
  if (isUsedUp(status, body)) return `${who}: what the account may use is used up (status ${status})${words}`;
  if (status === 401 || status === 403) return `${who} ${keyRefused(subject, status)}`;
  if (status === 404) {
    const advice = subject.missingModel ? `; ${tidy(subject.missingModel, subject.apiKey)}` : "";
    return `${who} knows no such model or path (status 404); check the model's name and the base url ${subject.address}${advice}${words}`;
  }
  if (status === 413) return `${who}: the request is larger than it takes (status 413)${words}`;
  if (status === 429) return `${who} asks to slow down (status 429)${words}`;
  if (status === 529) return `${who} is overloaded (status 529)${words}`;
  if (isTransient(status)) return `${who} is not available (status ${status})${words}`;
  return `${who} refused the request (status ${status})${words}`;
}

// The provider's own words are left out here: they say the same, and many quote the key.
function keyRefused({ apiKey, keyName, address }: FaultSubject, status: number): string {
  const where = keyName ? `in ${keyName}` : `that is valid for ${address}`;
  if (apiKey === undefined) return `wants a key and none is set (status ${status}); set one ${where}`;
  return `refused the key (status ${status}); set one ${keyName ? `that it accepts ${where}` : where}`;
}
