import { ANTHROPIC } from "./anthropic/vendor.ts";
import { OLLAMA } from "./ollama/vendor.ts";
import { OPENAI } from "./openai/vendor.ts";
import { type Standin, type StandinOptions, startStandin } from "./standin.ts";

/** OpenAI, and whatever is compatible with it: chat completions and responses. */
export function openaiStandin(options: StandinOptions): Promise<Standin> {
  return startStandin(OPENAI, options);
}

/** Anthropic: messages. */
export function anthropicStandin(options: StandinOptions): Promise<Standin> {
  return startStandin(ANTHROPIC, options);
}

/** Ollama: its own chat, its models and what it shows of them. */
export function ollamaStandin(options: StandinOptions): Promise<Standin> {
  return startStandin(OLLAMA, options);
}
