import type { IncomingHttpHeaders } from "node:http";

/** Names under which a machine reaches itself; anything else in `Host` is a name that somebody made point here. */
const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Why a request is refused for where it claims to come from; `undefined` where it is not. */
export function refusalOf(headers: IncomingHttpHeaders & { ":authority"?: string | undefined }): string | undefined {
  const host = headers[":authority"] ?? headers.host ?? "";
  if (!LOOPBACK.test(host)) return `host ${JSON.stringify(host)} is not a loopback name`;
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return `origin ${JSON.stringify(origin)} is not this server's own`;
  }
  return undefined;
}
