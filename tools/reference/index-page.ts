import { page, prose, table } from "./markdown-text.ts";
import { ERRORS_PATH } from "./places.ts";
import { type Context, commentOf } from "./type-sections.ts";

/** Where everything is. */
export function indexPage(context: Context): string {
  const { kinds, services, shared } = context.places;
  const kindRows = kinds.map(({ path, kind: { message, options } }) => [
    `[${options.kind}](${path})`,
    `\`${options.plural}\``,
    `\`${options.idPrefix}_\``,
    prose(commentOf(message.typeName, context)),
  ]);
  const serviceRows = services.map(({ path, service }) => [
    `[${service.name}](${path})`,
    `\`${service.file.proto.package}\``,
    prose(commentOf(service.typeName, context)),
  ]);
  return page(
    "# Reference",
    INTRODUCTION,
    "## Kinds",
    table(["kind", "plural", "ids", "what it is"], kindRows),
    "## Services",
    `Each kind has a command and a query service, described with the kind. Beside those:`,
    table(["service", "package", "what it does"], serviceRows),
    "## More",
    `- [Errors](${ERRORS_PATH}): every reason for which a call is refused, and what to do next\n- [Shared types](${shared.path}): metadata, references, and what else several pages need`,
  );
}

const INTRODUCTION = `Every kind and every service of the contract, generated from the files in [\`apis/\`](../../apis/ai/stigmer) by \`make gen-docs\`; to change a page,
change the comments there. A backend may leave services out: its \`getInfo\` says which it serves, and the others answer
\`UNIMPLEMENTED\`.

Fields are called as in JSON and in manifests, in lower camel case. The contract's own names, which its comments use, are in
snake case, and are accepted on input too; one message may not mix both for the same field. Times are RFC 3339, durations
are seconds as in \`30s\`, bytes are base64, and integers of 64 bits are written as strings.

All services are served on one port in gRPC, gRPC-Web and Connect. With JSON over HTTP a unary call is a POST:

\`\`\`text
POST /ai.stigmer.agentic.agent.v1.AgentQueryController/getByReference
content-type: application/json

{"name": "reviewer"}
\`\`\``;
