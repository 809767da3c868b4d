import type { IncomingHttpHeaders } from "node:http";
import { denied, type Fault } from "@stigmer/base";

/** Names under which a machine reaches itself; anything else in `Host` is a name that somebody made point here. */
const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
const MAX_QUOTED = 200;

/** Why a request is refused for where it claims to come from; `undefined` where it is not. */
export function refusalOf(headers: IncomingHttpHeaders & { ":authority"?: string | undefined }): Fault | undefined {
  const host = headers[":authority"] ?? headers.host ?? "";
  if (!LOOPBACK.test(host)) return refused("host", host, "is not a loopback name; use localhost or 127.0.0.1");
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return refused("origin", origin, "is not this server's own; only its own pages may call it");
  }
  return undefined;
}

function refused(header: string, value: string, why: string): Fault {
  const message = `${header} ${JSON.stringify(value.slice(0, MAX_QUOTED))} ${why}`;
  return denied("ORIGIN_REFUSED", { header }, { message });
}
