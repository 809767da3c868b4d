import type { Masker } from "./masker.ts";

/** The text without secrets. One that is JSON stays JSON; where a secret goes beyond a single value it is a string of what can be shown. */
export function maskedText(text: string, { mask }: Pick<Masker, "mask">): string {
  const shown = mask(text);
  if (shown === text || isJson(shown) || !isJson(text)) return shown;
  const byValue = maskedByValue(text, mask);
  return byValue !== undefined && mask(byValue) === byValue ? byValue : JSON.stringify(shown);
}

/** Undefined where the values are nested too deep to be walked. */
function maskedByValue(text: string, mask: Masker["mask"]): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text, maskValue(mask)));
  } catch {
    return undefined;
  }
}

type Context = { readonly source?: string };

/** A number is masked as it is written: what is read of a long one is another. */
function maskValue(mask: Masker["mask"]): (key: string, value: unknown, context?: Context) => unknown {
  return (_key, value, context) => {
    if (typeof value === "object" && value !== null) return value;
    const written = typeof value === "string" ? value : (context?.source ?? String(value));
    const shown = mask(written);
    return shown === written ? value : shown;
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
