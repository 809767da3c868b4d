/** The folder of the schemas that editors check manifests by. */
export const SCHEMAS = "schemas";

/** What a project can begin as. */
export const TEMPLATES = ["assistant", "editor"] as const;
export type Template = (typeof TEMPLATES)[number];

/** How the MCP server of files is started. */
export type FilesServer = { readonly command: string; readonly args: readonly string[] };

/** Brings the server from npm when it is first used. */
export const FROM_NPM: FilesServer = { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "."] };

/** A server that is installed already. */
export const INSTALLED: FilesServer = { command: "mcp-server-filesystem", args: ["."] };

/** The files of a new project, by path. The assistant works alone and shows how it gets tools; the editor has them. */
export function projectFiles(template: Template, server: FilesServer): Readonly<Record<string, string>> {
  return {
    "agent.yaml": template === "editor" ? EDITOR : ASSISTANT,
    "mcp-server.yaml": mcpServer(server),
    "skills/house-style/SKILL.md": SKILL,
    "README.md": readme(template),
    ".gitignore": GITIGNORE,
  };
}

const ASSISTANT = `# yaml-language-server: $schema=${SCHEMAS}/agent.schema.json
# An agent: instructions, a model, and the tools it may use.
#   stigmer apply -f agent.yaml
#   stigmer agent execute assistant "hello"
apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata:
  name: assistant
spec:
  description: Answers questions.
  instructions: |
    You are a helpful assistant. Answer briefly, and say so when you do not know.
  # The model, as provider/model. Without it the agent takes the one of \`stigmer config set model …\`.
  # model: openai/gpt-5
  # Tools come from MCP servers. Uncomment this after \`stigmer apply -f mcp-server.yaml\`.
  # mcpServers:
  #   - name: files
  # Knowledge comes from skills. Uncomment this after \`stigmer skill push skills/house-style\`.
  # skills:
  #   - name: house-style
`;

const EDITOR = `# yaml-language-server: $schema=${SCHEMAS}/agent.schema.json
# An agent that reads and changes the files of the folder from which it is called. Each change asks you first.
#   stigmer apply -f .
#   stigmer agent execute editor "what is in this folder?"
apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata:
  name: editor
spec:
  description: Works on the files of a folder, and asks before it changes one.
  instructions: |
    You work on the files of the user's folder. Read before you change, change as little as is needed, and say what you did.
  # The model, as provider/model. Without it the agent takes the one of \`stigmer config set model …\`.
  # model: openai/gpt-5
  mcpServers:
    - name: files
      tools: [read_text_file, list_directory, search_files, edit_file, write_file]
  todoList: true
  # Knowledge comes from skills. Uncomment this after \`stigmer skill push skills/house-style\`.
  # skills:
  #   - name: house-style
`;

function mcpServer({ command, args }: FilesServer): string {
  const how =
    command === FROM_NPM.command
      ? `# \`npx\` brings the server from npm when it is first used, which needs Node.js and the network; a program that is
# installed already can stand here instead. Before a tool changes anything, you are asked.`
      : "# Before a tool changes anything, you are asked.";
  return `# yaml-language-server: $schema=${SCHEMAS}/mcpserver.schema.json
# A server of tools that speaks the Model Context Protocol.
#   stigmer apply -f mcp-server.yaml
# A runner starts the command in the folder from which \`stigmer agent execute\` is called, so "." is that folder.
${how}
apiVersion: agentic.stigmer.ai/v1
kind: McpServer
metadata:
  name: files
spec:
  description: Reads and writes the files of the folder in which it is started.
  stdio:
    command: ${command}
    args: ${JSON.stringify(args).replaceAll(",", ", ")}
`;
}

const SKILL = `---
name: house-style
description: How text is written here. Read it before you write or change prose.
---

# House style

- Say the most important thing first.
- Short sentences, plain words, no exclamation marks.
- Numbers with their unit: 5 s, 3 MiB.

Change this file to what holds for you, then push it again: \`stigmer skill push skills/house-style\`.
`;

const GITIGNORE = `# Values that are nobody else's.
.env
*.env
`;

function readme(template: Template): string {
  const example = template === "editor" ? 'editor "what is in this folder?"' : 'assistant "hello"';
  return `# A Stigmer project

- \`agent.yaml\` is an agent.
- \`mcp-server.yaml\` is a server of tools that the agent can be given.
- \`skills/\` holds what agents can read when they need it, a folder each.
- \`schemas/\` tells an editor what may stand in manifests; \`stigmer schema --dir schemas\` writes it anew.

\`\`\`sh
stigmer doctor                             # says what is missing
stigmer config set model openai/gpt-5      # or ollama/qwen3, which needs no key
stigmer apply -f .
stigmer agent execute ${example}
stigmer chat ${template}
\`\`\`

What happened stays on record:

\`\`\`sh
stigmer list executions
stigmer execution logs <id>
stigmer execution verify <id>
\`\`\`
`;
}
