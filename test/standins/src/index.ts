export type { RecordedRequest } from "./recorded-request.ts";
export type { Raw, Script, Turn } from "./script.ts";
export type { Mode } from "./send.ts";
export { type SignInStandin, type SignInStandinOptions, signInStandin } from "./sign-in.ts";
export type { Handler, Standin, StandinOptions } from "./standin.ts";
export { anthropicStandin, ollamaStandin, openaiStandin } from "./standins.ts";
