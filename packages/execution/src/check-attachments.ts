import { invalid, precondition } from "@stigmer/base";
import type { Attachment } from "@stigmer/contracts/agentic";
import type { PipelineDeps } from "@stigmer/resource";

/** Refuses attachments whose content is not there, with `BLOB_INCOMPLETE`, or is of another size. */
export async function checkAttachments(
  { blobs }: Pick<PipelineDeps, "blobs">,
  tenant: string,
  attachments: readonly Attachment[],
): Promise<void> {
  for (const [at, { name, digest, size }] of attachments.entries()) {
    const { complete, offset } = await blobs.stat({ tenant, digest });
    if (!complete) {
      const message = `the content of ${name} is not there; upload the blob ${digest} first`;
      throw precondition("BLOB_INCOMPLETE", { digest }, { message });
    }
    if (BigInt(offset) === size) continue;
    const description = `must be ${offset}, the size of the blob`;
    throw invalid([{ field: `spec.attachments[${at}].size`, description }]);
  }
}
