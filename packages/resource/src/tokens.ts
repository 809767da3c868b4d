import { hash, timingSafeEqual } from "node:crypto";
import { type Clock, invalid } from "@stigmer/base";
import type { Keys } from "./port.ts";

/** Tokens that clients carry from one request to the next. They are signed: a forged one is refused, and so is another query's. */
export type PageTokens = {
  /** A token that leads behind `position`. */
  issue(query: string, position: string): string;
  /** The position in a token; refuses with `PAGE_TOKEN_INVALID` what was not issued for this query within the last three days. */
  read(query: string, token: string): string;
};

/** The tokens of one watched query. */
export type WatchTokens = {
  /** A token that leads behind a revision. */
  issue(revision: number): string;
  /** The revision in a token; refuses with `WATCH_TOKEN_INVALID` what was not issued for this query. */
  read(token: string): number;
};

const FORMAT = 1;
const TAG_BYTES = 16;
const NUMBER_BYTES = 8;
const PAGE_TOKEN_LIFETIME_MS = 3 * 24 * 60 * 60 * 1000;

export function createPageTokens({ keys, clock }: { readonly keys: Keys; readonly clock: Clock }): PageTokens {
  const refused = (description: string) => invalid([{ field: "pageToken", description }], "PAGE_TOKEN_INVALID");
  return {
    issue(query, position) {
      const payload = Buffer.concat([number(clock.now()), Buffer.from(position, "utf8")]);
      return seal(payload, pageTag(keys, { query, payload }));
    },
    read(query, token) {
      const payload = open(token, (body) => pageTag(keys, { query, payload: body }));
      if (payload === undefined) throw refused("was not made by this query; start again without a page token");
      if (clock.now() - payload.readDoubleBE(0) > PAGE_TOKEN_LIFETIME_MS) {
        throw refused("is older than three days; start again without a page token");
      }
      return payload.toString("utf8", NUMBER_BYTES);
    },
  };
}

/** A watch issues a token for each event, so the query goes into a key of its own, once, and a token takes a single hash. */
export function createWatchTokens({ keys }: { readonly keys: Keys }, query: string): WatchTokens {
  const key = keys.mac("watch-token", query);
  const tagOf = (payload: Uint8Array) =>
    hash("sha256", Buffer.concat([key, payload, key]), "buffer").subarray(0, TAG_BYTES);
  return {
    issue(revision) {
      const payload = number(revision);
      return seal(payload, tagOf(payload));
    },
    read(token) {
      const payload = open(token, tagOf);
      if (payload?.length === NUMBER_BYTES) return payload.readDoubleBE(0);
      const description = "was not made by a watch or a list with this selection; start again without a token";
      throw invalid([{ field: "resumeToken", description }], "WATCH_TOKEN_INVALID");
    },
  };
}

type Signed = { readonly query: string; readonly payload: Buffer };

function pageTag(keys: Keys, { query, payload }: Signed): Buffer {
  return Buffer.from(keys.mac("page-token", `${payload.toString("base64url")} ${query}`)).subarray(0, TAG_BYTES);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(NUMBER_BYTES);
  bytes.writeDoubleBE(value);
  return bytes;
}

function seal(payload: Buffer, signature: Buffer): string {
  return Buffer.concat([Buffer.of(FORMAT), signature, payload]).toString("base64url");
}

function open(token: string, tagOf: (payload: Buffer) => Buffer): Buffer | undefined {
  const bytes = Buffer.from(token, "base64url");
  // Decoding passes over what is no base64url, so that many texts would mean the same token.
  if (bytes.toString("base64url") !== token || bytes[0] !== FORMAT) return undefined;
  if (bytes.length < 1 + TAG_BYTES + NUMBER_BYTES) return undefined;
  const payload = bytes.subarray(1 + TAG_BYTES);
  return timingSafeEqual(bytes.subarray(1, 1 + TAG_BYTES), tagOf(payload)) ? payload : undefined;
}
