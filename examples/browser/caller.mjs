// What a page needs to call nearturn: the compiled schema, and where the server is.
//
// `python scripts/proto.py --image nearturn.binpb` writes the schema; nothing is
// generated from it.

import { createFileRegistry, fromBinary, fromJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

const TRANSPORTS = { connect: createConnectTransport, "grpc-web": createGrpcWebTransport };

// `token` is an API key or a token; `protocol` is "connect" or "grpc-web".
export function connect(url, schema, { token = "", protocol = "connect", ...options } = {}) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, schema));
  const transport = TRANSPORTS[protocol]({
    baseUrl: url,
    defaultTimeoutMs: undefined, // a stream of decisions goes on; calls name their own
    interceptors: token ? [bearing(token)] : [],
    ...options,
  });
  const client = (name) => createClient(registry.getService(`nearturn.v1.${name}`), transport);
  return {
    demands: client("DemandService"),
    returns: client("ReturnService"),
    matches: client("MatchService"),
    explanations: client("ExplainService"),
    // A request out of JSON: enums by their names, times as text.
    request: (type, json) => fromJson(registry.getMessage(`nearturn.v1.${type}`), json),
    nameOf: (type, number) => registry.getEnum(`nearturn.v1.${type}`).value[number].name,
    registry,
  };
}

const bearing = (token) => (next) => (request) => {
  request.header.set("authorization", `Bearer ${token}`);
  return next(request);
};

// What is wrong, field by field where the server says so.
export function faultsOf(error, registry = undefined) {
  const cause = ConnectError.from(error);
  const details = registry?.getMessage("google.rpc.BadRequest");
  const fields = (details ? cause.findDetails(details) : []).flatMap((each) =>
    each.fieldViolations.map(({ field, description }) => `${field}: ${description}`),
  );
  return fields.length ? fields : [cause.message];
}
