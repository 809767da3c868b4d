/** Largest answer that a client takes. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What a backend takes unless set otherwise. A larger upload that it breaks off makes Node's HTTP/2 refuse every later call of the connection. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** Pause before a call is tried again; each further one is twice as long. */
export const FIRST_DELAY_MS = 100;
