export { type Handler, type Mode, type OpenaiStandin, openaiStandin, type StandinOptions } from "./openai-standin.ts";
export type { RecordedRequest } from "./recorded-request.ts";
export type { Raw, Script, Turn } from "./script.ts";
