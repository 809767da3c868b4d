import type {
  DescriptorProto,
  EnumDescriptorProto,
  FileDescriptorProto,
  FileDescriptorSet,
  ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";

/** A named part of a file, and where the file's source info keeps its comment. */
type Place = { readonly name: string; readonly path: readonly number[] };
type Named<T> = T & { readonly name: string };

/** Field numbers of `descriptor.proto`, of which the paths in source info are made. */
const IN_FILE = { message: 4, enum: 5, service: 6, extension: 7 };
const IN_MESSAGE = { field: 2, nested: 3, enum: 4, extension: 6, oneof: 8 };
const IN_ENUM = { value: 2 };
const IN_SERVICE = { method: 2 };

/**
 * The comment that stands before each message, field, oneof, enum, enum value, service, method and extension of the
 * contract's own files, by full name. An enum's value is found below its enum: `pkg.Scope.SCOPE_PLATFORM`. Lines of one
 * paragraph are joined with a space; paragraphs are parted by an empty line. What has no comment is left out.
 */
export function contractComments({ file }: FileDescriptorSet): ReadonlyMap<string, string> {
  const own = file.filter(({ package: name }) => name.startsWith("ai.stigmer."));
  return new Map(own.flatMap(commentsOf));
}

function commentsOf(file: FileDescriptorProto): readonly (readonly [string, string])[] {
  const locations = file.sourceCodeInfo?.location ?? [];
  const leading = new Map(locations.map(({ path, leadingComments }) => [path.join("."), leadingComments]));
  return placesOf(file).flatMap(({ name, path }) => {
    const text = joinLines(leading.get(path.join(".")) ?? "");
    return text === "" ? [] : [[name, text] as const];
  });
}

function placesOf(file: FileDescriptorProto): readonly Place[] {
  const top: Place = { name: file.package, path: [] };
  return [
    ...within(top, IN_FILE.message, file.messageType, messagePlaces),
    ...within(top, IN_FILE.enum, file.enumType, enumPlaces),
    ...within(top, IN_FILE.service, file.service, servicePlaces),
    ...within(top, IN_FILE.extension, file.extension),
  ];
}

function messagePlaces(message: DescriptorProto, place: Place): readonly Place[] {
  return [
    ...within(place, IN_MESSAGE.field, message.field),
    ...within(place, IN_MESSAGE.oneof, message.oneofDecl),
    ...within(place, IN_MESSAGE.nested, message.nestedType, messagePlaces),
    ...within(place, IN_MESSAGE.enum, message.enumType, enumPlaces),
    ...within(place, IN_MESSAGE.extension, message.extension),
  ];
}

function enumPlaces({ value }: EnumDescriptorProto, place: Place): readonly Place[] {
  return within(place, IN_ENUM.value, value);
}

function servicePlaces({ method }: ServiceDescriptorProto, place: Place): readonly Place[] {
  return within(place, IN_SERVICE.method, method);
}

/** The places of `parts`, which `parent` keeps under `number`, and of what is inside each. */
function within<T>(
  parent: Place,
  number: number,
  parts: readonly Named<T>[],
  inside: (part: Named<T>, place: Place) => readonly Place[] = () => [],
): readonly Place[] {
  return parts.flatMap((part, at) => {
    const place = { name: `${parent.name}.${part.name}`, path: [...parent.path, number, at] };
    return [place, ...inside(part, place)];
  });
}

function joinLines(comment: string): string {
  const paragraphs = comment.split(/\n\s*\n/).map((paragraph) => paragraph.replaceAll(/\s*\n\s*/g, " ").trim());
  return paragraphs.filter((paragraph) => paragraph !== "").join("\n\n");
}
