import type { ServerMessage, StartServer } from "@stigmer/contracts/agentic";

/** Values in a message of the backend that nobody else may see. */
export function secretsIn(message: ServerMessage["message"]): readonly string[] {
  switch (message.case) {
    case "assignment":
      return named(message.value);
    case "startServer":
      return serverSecrets(message.value);
    case "callTool":
      return message.value.server ? serverSecrets(message.value.server) : [];
    default:
      return [];
  }
}

function serverSecrets(server: StartServer): readonly string[] {
  return [...named(server), server.accessToken];
}

function named({ variables, secretNames }: Pick<StartServer, "variables" | "secretNames">): readonly string[] {
  return secretNames.map((name) => variables[name] ?? "");
}
