export {
  type Api,
  createProviders,
  type ProviderConfig,
  type Providers,
  type ProvidersConfig,
  type ProvidersOptions,
  type ResolvedModel,
} from "./providers.ts";
export { type ScriptedOptions, scripted } from "./scripted.ts";
