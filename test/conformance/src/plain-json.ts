import { create, type DescMessage, type DescMethodUnary, fromJson, type Registry, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { errorFromJson } from "@connectrpc/connect/protocol-connect";

/** Posts JSON as `curl` would: no header beyond the content's type. Knows nothing of streams. */
export function plainJsonTransport(url: string, registry: Registry): Transport {
  return {
    async unary(method, signal, _timeoutMs, header, input) {
      const body = JSON.stringify(toJson(method.input, create(method.input, input), { registry }));
      const headers = new Headers(header);
      headers.set("content-type", "application/json");
      const answer = await fetch(`${url}/${method.parent.typeName}/${method.name}`, {
        method: "POST",
        headers,
        body,
        ...(signal && { signal }),
      });
      const text = await answer.text();
      if (!answer.ok) throw refusalOf(text, answer);
      return {
        stream: false,
        ...{ service: method.parent, method, header: answer.headers, trailer: new Headers() },
        message: parse(method, text, registry),
      };
    },
    stream: () => Promise.reject(new ConnectError("plain JSON has no streams", Code.Unimplemented)),
  };
}

function parse<O extends DescMessage>(method: DescMethodUnary<DescMessage, O>, text: string, registry: Registry) {
  return fromJson(method.output, JSON.parse(text), { registry });
}

function refusalOf(text: string, answer: Response): ConnectError {
  const fallback = new ConnectError(`HTTP ${answer.status} without an error in JSON: ${text}`, Code.Unknown);
  return errorFromJson(JSON.parse(text), answer.headers, fallback);
}
