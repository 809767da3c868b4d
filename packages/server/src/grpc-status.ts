import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { StatusSchema } from "@stigmer/contracts/rpc";

/** How gRPC writes an error into headers: code, percent-encoded message, and `google.rpc.Status` with the details. */
export function grpcStatus(error: ConnectError): Record<string, string> {
  const { code, rawMessage: message } = error;
  const details = error.details.flatMap((detail) =>
    "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value))] : [],
  );
  const status = toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
  return {
    "grpc-status": String(code),
    "grpc-message": encodeURIComponent(message.toWellFormed()),
    "grpc-status-details-bin": Buffer.from(status).toString("base64").replace(/=+$/, ""),
  };
}
