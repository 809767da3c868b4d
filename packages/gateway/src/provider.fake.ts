import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FinishReason, MessageSchema, Role, UsageSchema } from "@stigmer/contracts/agentic";
import type { GenerateOptions, ModelAnswer, ModelProvider, ModelRequest } from "./port.ts";

/** A provider that does as a test says. */
export function providerOf(
  generate: (request: ModelRequest, options: GenerateOptions) => Promise<ModelAnswer> | ModelAnswer,
): ModelProvider {
  return { generate: async (request, options) => await generate(request, options), list: async () => [] };
}

export function answerOf(
  text: string,
  usage: MessageInitShape<typeof UsageSchema> = { inputTokens: 10n, outputTokens: 5n },
): ModelAnswer {
  return {
    message: create(MessageSchema, { role: Role.ASSISTANT, parts: [{ part: { case: "text", value: text } }] }),
    finishReason: FinishReason.STOP,
    servedModel: "served",
    usage: create(UsageSchema, usage),
    scripted: false,
  };
}
