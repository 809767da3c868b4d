/** The folder of the schemas that editors check manifests by. */
export const SCHEMAS = "schemas";

/** The files of a new project, by name. The agent works alone; the server shows how it gets tools. */
export const PROJECT: Readonly<Record<string, string>> = {
  "agent.yaml": `# yaml-language-server: $schema=${SCHEMAS}/agent.schema.json
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
`,
  "mcp-server.yaml": `# yaml-language-server: $schema=${SCHEMAS}/mcpserver.schema.json
# A server of tools that speaks the Model Context Protocol.
#   stigmer apply -f mcp-server.yaml
# A runner starts the command in the folder from which \`stigmer agent execute\` is called, so "." is that folder.
# \`npx\` brings the server from npm when it is first used, which needs Node.js and the network; a program that is
# installed already can stand here instead. Before a tool changes anything, you are asked.
apiVersion: agentic.stigmer.ai/v1
kind: McpServer
metadata:
  name: files
spec:
  description: Reads and writes the files of the folder in which it is started.
  stdio:
    command: npx
    args: ["-y", "@modelcontextprotocol/server-filesystem", "."]
`,
  "README.md": `# A Stigmer project

- \`agent.yaml\` is an agent.
- \`mcp-server.yaml\` is a server of tools that the agent can be given.
- \`schemas\` tells an editor what may stand in them; \`stigmer schema --dir schemas\` writes it anew.

\`\`\`sh
stigmer config set model openai/gpt-5      # or ollama/qwen3, which needs no key
stigmer apply -f .
stigmer agent execute assistant "hello"
\`\`\`

What happened stays on record:

\`\`\`sh
stigmer list executions
stigmer execution logs <id>
stigmer execution verify <id>
\`\`\`
`,
};
