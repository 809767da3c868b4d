import type { GenerateOptions, ModelRequest } from "@stigmer/gateway/port";

/** A request that says nothing but what it is told. */
export function asked(fields: Partial<ModelRequest> = {}): ModelRequest {
  return { model: "m", messages: [], tools: [], options: undefined, outputSchema: "", ...fields };
}

/** A caller that never gives up, hears nothing and has no files, but for what it is told. */
export function hearing(fields: Partial<GenerateOptions> = {}): GenerateOptions {
  return {
    signal: new AbortController().signal,
    onText: () => {},
    onStart: () => {},
    readBlob: (digest) => Promise.reject(new Error(`there is no ${digest}`)),
    ...fields,
  };
}
