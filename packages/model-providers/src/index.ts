export { type OpenaiCompatibleOptions, openaiCompatible } from "./openai-compatible.ts";
export {
  createProviders,
  type ProviderConfig,
  type Providers,
  type ProvidersConfig,
  type ProvidersOptions,
  type ResolvedModel,
} from "./providers.ts";
export { type ScriptedOptions, scripted } from "./scripted.ts";
