import { type Log, notFound } from "@stigmer/base";
import type { Auditor, AuditRecord, Authorizer } from "@stigmer/resource/port";
import type { Store } from "@stigmer/store";

/** The one organization of a local backend. */
export const LOCAL_ORG = "local";

/** The one user of a local backend may do everything, in the one organization that it has. */
export const localAuthorizer: Authorizer = {
  authorize({ org }) {
    if (org === "" || org === LOCAL_ORG) return LOCAL_ORG;
    const message = `organization "${org}" not found; a local backend has one, "${LOCAL_ORG}"`;
    throw notFound("RESOURCE_NOT_FOUND", { kind: "Organization", name: org }, { message });
  },
};

/** Keeps audit records beside the data that they are about. */
export function localAuditor(store: Store, log: Log): Auditor {
  const encode = (record: AuditRecord): Uint8Array => new TextEncoder().encode(JSON.stringify(record));
  return {
    encode,
    refused(record) {
      store
        .commit({ audits: [encode(record)] })
        .catch((err) => log.warn({ err, method: record.method }, "audit record was not kept"));
    },
  };
}
