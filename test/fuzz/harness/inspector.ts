/** What the debugger of a Node process tells about it. */
export interface Inspector extends Disposable {
  /** Bytes that are in use after everything unused has been given back. */
  settledHeap(): Promise<number>;
  /** How many functions ran that had not run before the call before this one. */
  newFunctions(): Promise<number>;
}

type Answer = { readonly id?: number; readonly result?: unknown; readonly error?: { readonly message: string } };
type Coverage = { readonly result: readonly { readonly functions: readonly unknown[] }[] };

/** Node's options for a process that `inspect` is to be asked about; its log then says where. */
export const INSPECTABLE = { NODE_OPTIONS: "--inspect=127.0.0.1:0" };

/** Connects to the debugger whose address stands in the log of a process. */
export async function inspect(log: string): Promise<Inspector> {
  const address = [...log.matchAll(/Debugger listening on (ws:\S+)/g)].at(-1)?.[1];
  if (!address) throw new Error("the log does not say where the debugger listens");
  const { send, close } = await open(address);
  await send("Profiler.enable");
  await send("Profiler.startPreciseCoverage", { callCount: false, detailed: false });
  return {
    async settledHeap() {
      for (let times = 0; times < 3; times++) await send("HeapProfiler.collectGarbage");
      const { usedSize } = (await send("Runtime.getHeapUsage")) as { readonly usedSize: number };
      return usedSize;
    },
    async newFunctions() {
      const { result } = (await send("Profiler.takePreciseCoverage")) as Coverage;
      return result.reduce((sum, { functions }) => sum + functions.length, 0);
    },
    [Symbol.dispose]: close,
  };
}

type Send = (method: string, params?: object) => Promise<unknown>;

async function open(address: string): Promise<{ readonly send: Send; readonly close: () => void }> {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`no debugger answers at ${address}`));
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  socket.onmessage = ({ data }) => {
    const { id, result, error }: Answer = JSON.parse(String(data));
    if (id === undefined) return;
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  };
  socket.onclose = () => {
    for (const { reject } of waiting.values()) reject(new Error("the debugger has gone"));
  };
  let next = 1;
  const send: Send = async (method, params = {}) => {
    const answer = Promise.withResolvers<unknown>();
    if (socket.readyState !== WebSocket.OPEN) throw new Error("the debugger has gone");
    waiting.set(next, answer);
    socket.send(JSON.stringify({ id: next++, method, params }));
    return await answer.promise;
  };
  return { send, close: () => socket.close() };
}
