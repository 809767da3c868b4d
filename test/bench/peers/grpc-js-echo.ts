/** The peer: grpc-js, whose `create` answers with what it got. Messages are decoded and encoded as anywhere. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type MethodDefinition, Server, ServerCredentials, type UntypedHandleCall } from "@grpc/grpc-js";
import { type Agent, AgentCommandController, AgentSchema } from "@stigmer/contracts/agentic";
import { answerQuestions } from "../harness/programs.ts";

const { create } = AgentCommandController.method;
const encode = (agent: Agent): Buffer => Buffer.from(toBinary(AgentSchema, agent));
const decode = (bytes: Buffer): Agent => fromBinary(AgentSchema, bytes);
const method: MethodDefinition<Agent, Agent> = {
  path: `/${create.parent.typeName}/${create.name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: encode,
  requestDeserialize: decode,
  responseSerialize: encode,
  responseDeserialize: decode,
};
const echo = ({ request }: { readonly request: Agent }, answer: (error: null, agent: Agent) => void): void =>
  answer(null, request);

const server = new Server();
server.addService({ create: method }, { create: echo as UntypedHandleCall });

answerQuestions(
  () =>
    new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    ),
);
