import {
  create,
  createRegistry,
  type DescFile,
  type MessageInitShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@stigmer/contracts/grpc";
import { bidiStream, type Handler } from "@stigmer/resource";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/** grpc.reflection.v1 over the files of the contract and all that they import. */
export function reflectionHandlers(files: readonly DescFile[], services: readonly string[]): readonly Handler[] {
  const index = indexOf(files);
  return [
    bidiStream(ServerReflection.method.serverReflectionInfo, async function* (requests) {
      for await (const originalRequest of requests) yield respond(index, services, originalRequest);
    }),
  ];
}

type Index = { readonly files: ReadonlyMap<string, DescFile>; readonly registry: Registry };

function indexOf(roots: readonly DescFile[]): Index {
  const files = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    file.dependencies.forEach(add);
  };
  roots.forEach(add);
  return { files, registry: createRegistry(...files.values()) };
}

function respond(
  index: Index,
  services: readonly string[],
  originalRequest: ServerReflectionRequest,
): ServerReflectionResponse {
  const messageResponse = answer(index, services, originalRequest) ?? missing();
  return create(ServerReflectionResponseSchema, { validHost: originalRequest.host, originalRequest, messageResponse });
}

function answer(
  index: Index,
  services: readonly string[],
  { messageRequest }: ServerReflectionRequest,
): Answer | undefined {
  switch (messageRequest.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: services.map((name) => ({ name })) } };
    case "fileByFilename":
      return fileAnswer(index.files.get(messageRequest.value));
    case "fileContainingSymbol":
      return fileAnswer(fileOfSymbol(index, messageRequest.value));
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = messageRequest.value;
      return fileAnswer(extensionsOf(index, containingType).find(({ number }) => number === extensionNumber)?.file);
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = extensionsOf(index, messageRequest.value).map(({ number }) => number);
      if (!index.registry.getMessage(messageRequest.value)) return undefined;
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: messageRequest.value, extensionNumber } };
    }
    default:
      return undefined;
  }
}

/** The file and all that it imports, dependencies first: what a client needs to build it. */
function fileAnswer(file: DescFile | undefined): Answer | undefined {
  if (!file) return undefined;
  const closure = new Set<DescFile>();
  const add = (one: DescFile): void => {
    if (closure.has(one)) return;
    one.dependencies.forEach(add);
    closure.add(one);
  };
  add(file);
  const fileDescriptorProto = [...closure].reverse().map((one) => toBinary(FileDescriptorProtoSchema, one.proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

/** A symbol is a type, an extension, a service, or a member of one of them. */
function fileOfSymbol({ registry }: Index, symbol: string): DescFile | undefined {
  const owner = symbol.slice(0, symbol.lastIndexOf("."));
  return (registry.get(symbol) ?? registry.get(owner))?.file;
}

function extensionsOf({ files }: Index, typeName: string) {
  return [...files.values()]
    .flatMap((file) => file.extensions)
    .filter((extension) => extension.extendee.typeName === typeName);
}

function missing(): Answer {
  return {
    case: "errorResponse",
    value: { errorCode: Code.NotFound, errorMessage: "no such file, symbol or extension" },
  };
}
