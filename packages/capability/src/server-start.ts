import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StartServerSchema } from "@stigmer/contracts/agentic";

/** What a runner is told to start the server. Holds secrets: not to be logged. */
export type ServerStart = MessageInitShape<typeof StartServerSchema> & {
  readonly sessionId: string;
  readonly name: string;
  readonly revision: string;
  readonly accessToken?: string;
  readonly variables: Record<string, string>;
};
