const BY_ENDING: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  pdf: "application/pdf",
  json: "application/json",
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
  txt: "text/plain",
};

/** The media type of a file, by the end of its name, else by whether it begins as text does. */
export function mediaTypeOf(name: string, head: Uint8Array): string {
  const ending = name.includes(".") ? (name.split(".").at(-1) ?? "") : "";
  return BY_ENDING[ending.toLowerCase()] ?? (isText(head) ? "text/plain" : "application/octet-stream");
}

function isText(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  try {
    // What is cut through at the end is no sign of anything.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
