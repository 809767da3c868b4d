import { files } from "@stigmer/contracts/files";
import { parse } from "yaml";

/** What a backend is expected to say of itself. */
export type Claims = {
  /** Name of the implementation, where the file says one. */
  readonly implementation?: string;
  /** Full names of the services that it serves, gRPC's own included. */
  readonly claimed: readonly string[];
};

/** A case that is known to fail, and why. */
export type KnownFailure = { readonly case: string; readonly reason: string };

/** A file lists what is served under `claimed`, or what of the contract is not under `unclaimed`. */
export function parseClaims(text: string): Claims {
  const claims: unknown = parse(text);
  const claimed = isRecord(claims) ? servicesOf(claims) : undefined;
  if (!isRecord(claims) || !claimed)
    throw new Error("a claims file lists services under `claimed`, or under `unclaimed` those that are not served");
  const { implementation } = claims;
  return { claimed, ...(typeof implementation === "string" && { implementation }) };
}

function servicesOf({ claimed, unclaimed }: Record<string, unknown>): readonly string[] | undefined {
  if (unclaimed === undefined) return isTexts(claimed) ? claimed : undefined;
  if (claimed !== undefined || !isTexts(unclaimed)) return undefined;
  const all = files.flatMap(({ services }) => services.map(({ typeName }) => typeName));
  return all.filter((name) => !unclaimed.includes(name));
}

export function parseKnownFailures(text: string): readonly KnownFailure[] {
  const list: unknown = parse(text) ?? [];
  if (!Array.isArray(list)) throw new Error("known failures are a list");
  return list.map((entry: unknown) => {
    if (!isRecord(entry) || typeof entry.case !== "string" || typeof entry.reason !== "string")
      throw new Error("a known failure has a `case` and a `reason`");
    return { case: entry.case, reason: entry.reason };
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
