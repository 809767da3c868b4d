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
   * When the context's signal is aborted it asks the tool to stop. What the tool still answers is the call's answer; the kit
   * waits 10 s for it at most.
   */
  call(server: ToolServer, call: ToolInvocation, context: ToolCallContext): Promise<ToolAnswer>;
  /** Called once, before anything else: what the host has to tell without being asked. */
  tell?(news: ToolHostNews): void;
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
  /** Longest time that one call may take; the time in which a person is asked does not count. */
  readonly callTimeoutMs: number;
  /** Longest time that it may take to start and to list its tools. */
  readonly startTimeoutMs: number;
  /** Values of the variables that it declares, secrets included: never logged, and masked in what it writes. */
  readonly variables: Readonly<Record<string, string>>;
  /** Which of them are secrets; all of them where it is absent. */
  readonly secretNames?: readonly string[];
  /** For its `Authorization` header; empty where nobody has signed in. As secret as the variables. */
  readonly accessToken: string;
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
  /**
   * The tool as its call was judged. A host whose server describes it otherwise does not make the call: a `Failure` TOOL_CHANGED with
   * `notStarted`. Absent means that nothing is compared.
   */
  readonly definition?: ToolListing | undefined;
};

export type ToolAnswer = {
  readonly content: string;
  readonly isError: boolean;
  /** Images and files beside the text, whose content was saved with `saveBlob`; 64 at most. */
  readonly attachments?: readonly ToolAttachment[];
};

export type ToolAttachment = {
  /** Without a path. */
  readonly name: string;
  readonly mediaType: string;
  /** `sha256:<hex>`. */
  readonly digest: string;
  readonly size: bigint;
};

/** What a call may ask of the kit while it runs. */
export type ToolCallContext = {
  /** Aborted where the call is to stop. */
  readonly signal: AbortSignal;
  /**
   * Asks the user on behalf of the server. Rejects with a signal's reason where the call is to stop, or `giveUp` is aborted, before
   * there is an answer.
   */
  elicit(question: ToolQuestion, giveUp?: AbortSignal): Promise<ToolReply>;
  /** Says how far the call is; some of it may be left out. */
  progress(progress: ToolCallProgress): void;
  /** Stores a content, and answers with its digest, `sha256:<hex>`. */
  saveBlob(content: Uint8Array): Promise<string>;
};

/** What a tool server asks the user: to fill in a form, or to open a URL. */
export type ToolQuestion =
  | { readonly kind: "form"; readonly message: string /** JSON. */; readonly schema: string }
  | { readonly kind: "url"; readonly message: string; readonly url: string };

/** What the user did: `content` is the form's, as JSON, and empty unless accepted. */
export type ToolReply = { readonly action: "accept" | "decline" | "cancel"; readonly content: string };

export type ToolCallProgress = {
  readonly progress: number;
  /** 0 where it is not known. */
  readonly total: number;
  readonly message: string;
};

/** Where a host's news go; they may be lost. */
export type ToolHostNews = {
  /** A server wrote to its log. The line holds no secrets. */
  logged(server: Pick<ToolServer, "sessionId" | "name">, line: string): void;
  /** A server that runs has other tools than it was last told of. */
  toolsChanged(server: Pick<ToolServer, "sessionId" | "name" | "revision">, tools: readonly ToolListing[]): void;
};
