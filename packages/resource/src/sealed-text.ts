/** How every sealed text begins, so that it is found in bytes without decoding them. */
export const SEALED_MARK = "sealed:v1:";

/** What stands in a resource in the place of a sensitive text: a keyed MAC, and the text sealed. */
export type SealedText = { readonly mac: string; readonly sealed: string };

/** Both are base64url. */
export function formatSealed({ mac, sealed }: SealedText): string {
  return `${SEALED_MARK}${mac}:${sealed}`;
}

/** Undefined where the text is none that was sealed. */
export function parseSealed(text: string): SealedText | undefined {
  if (!text.startsWith(SEALED_MARK)) return undefined;
  const [mac = "", sealed = "", ...more] = text.slice(SEALED_MARK.length).split(":");
  return mac && sealed && more.length === 0 ? { mac, sealed } : undefined;
}
