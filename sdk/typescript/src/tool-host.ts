/**
 * Hosts MCP servers. The kit calls it as the backend asks; at most once per call step and try, however often the
 * backend asks again. A method that fails throws a `Failure`, usually TOOL_SERVER_FAILED.
 */
export interface ToolHost {
  /** Starts the server unless it runs, and lists its tools. */
  start(server: ToolServer): Promise<readonly ToolListing[]>;
  /**
   * Calls a tool, and starts its server if it does not run. What the tool reports of itself is an answer, errors
   * included; a `Failure` means that there is none, and with `notStarted` that the call surely never reached the tool.
   *
   * When the signal is aborted it asks the tool to stop. What the tool still answers is the call's answer; the kit waits 10 s
   * for it at most.
   */
  call(server: ToolServer, call: ToolInvocation, signal: AbortSignal): Promise<ToolAnswer>;
  /** Stops a session's server, or all of them where no name is given. */
  stop(sessionId: string, name?: string): Promise<void>;
  /** Stops every server; nothing is asked of the host afterwards. */
  close(): Promise<void>;
}

/** One server of one session. A process is shared by all that agree on session, name and revision. */
export type ToolServer = {
  readonly sessionId: string;
  readonly name: string;
  /** Digest of how it is reached. */
  readonly revision: string;
  readonly transport: ServerTransport;
  /** Longest time that one call may take. */
  readonly callTimeoutMs: number;
  /** Folder in which it is started; empty means one of the runner's own. */
  readonly workspace: string;
};

export type ServerTransport =
  | {
      readonly kind: "stdio";
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly kind: "http"; readonly url: string; readonly headers: Readonly<Record<string, string>> };

/** A tool as its server describes it. */
export type ToolListing = {
  readonly tool: string;
  readonly description: string;
  /** JSON schema of the arguments, as JSON. */
  readonly inputSchema: string;
  /** MCP's `ToolAnnotations` as JSON; empty where absent. */
  readonly annotations: string;
};

export type ToolInvocation = {
  readonly tool: string;
  /** JSON. */
  readonly arguments: string;
  /** The same on every try of the step. */
  readonly idempotencyKey: string;
};

export type ToolAnswer = { readonly content: string; readonly isError: boolean };
