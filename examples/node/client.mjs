// A caller of nearturn in Node: an order, a return, a round, a confirmed match.
//
//   node client.mjs ADDRESS SCHEMA
//
// SCHEMA is the compiled schema, which `python scripts/proto.py --image SCHEMA` writes:
// nothing of ours is needed here but that file. A policy has to be in force. What it
// did goes to standard output as one line of JSON.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const DAY_S = 86_400;

function connect(address, schema) {
  const definition = protoLoader.loadFileDescriptorSetFromBuffer(readFileSync(schema), {
    keepCase: true, // the schema's own names
    enums: String,
    longs: String, // micros and times need more digits than a number of JavaScript has
    oneofs: true,
    defaults: true,
  });
  const { v1 } = grpc.loadPackageDefinition(definition).nearturn;
  const credentials = grpc.credentials.createInsecure();
  return {
    demands: new v1.DemandService(address, credentials),
    returns: new v1.ReturnService(address, credentials),
    matches: new v1.MatchService(address, credentials),
  };
}

// Only UNAVAILABLE is worth another try at once; the same request id makes it safe.
async function call(service, method, request, attempts = 5) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + 30_000 };
        const metadata = new grpc.Metadata();
        service[method](request, metadata, options, (error, response) =>
          error ? reject(error) : resolve(response),
        );
      });
    } catch (error) {
      const isAway = error.code === grpc.status.UNAVAILABLE;
      if (!isAway || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
    }
  }
}

const inDays = (days) => ({ seconds: String(Math.floor(Date.now() / 1000) + days * DAY_S), nanos: 0 });

const PLACE = { latitude: 52.52, longitude: 13.405 };
const SHIRT = { sku: "shirt-m", category: "apparel", location: PLACE };

function order(id) {
  return {
    ...SHIRT,
    demand_id: id,
    quantity: 1,
    ship_by_time: inDays(3),
    min_condition: "CONDITION_GOOD",
    accepts_returned_item: true,
  };
}

function returned(id) {
  const no = "FACT_NO";
  return {
    ...SHIRT,
    return_id: id,
    order_id: `order of ${id}`,
    customer_id: `customer of ${id}`,
    reason: "RETURN_REASON_FIT",
    condition: "CONDITION_LIKE_NEW",
    attributes: {
      fragile: no,
      regulated: no,
      custom_made: no,
      damaged: no,
      defective: no,
      end_of_season: no,
    },
    verification: {
      status: "VERIFICATION_STATUS_PASSED",
      method: "photo",
      source: "grader",
      source_version: "3",
      evidence_id: `evidence of ${id}`,
      confidence: 0.97,
      verify_time: inDays(0),
    },
    customer_consents: true,
    transit_state: "TRANSIT_STATE_WITH_CUSTOMER",
    decide_by_time: inDays(1),
    weight_grams: 300,
  };
}

// Each answer of the stream is the decision on one return, or the error of that one.
async function streamed({ returns }, items) {
  const stream = returns.StreamReturns();
  const answers = [];
  const ended = new Promise((resolve, reject) => {
    stream.on("data", (answer) => answers.push(answer));
    stream.on("error", reject);
    stream.on("end", resolve);
  });
  for (const item of items) stream.write({ return_item: item, request_id: randomUUID() });
  stream.end();
  await ended;
  return answers;
}

async function logged({ matches }) {
  const ids = [];
  const stream = matches.WatchDecisions({ stop_at_end: true });
  for await (const { decision } of stream) ids.push(decision.decision_id);
  return ids;
}

async function main([address, schema]) {
  const services = connect(address, schema);
  const { demands, returns, matches } = services;
  const stored = await call(demands, "UpsertDemand", {
    demand: order("node-order"),
    request_id: randomUUID(),
  });

  const submission = { return_item: returned("node-return"), request_id: randomUUID() };
  const first = await call(returns, "SubmitReturn", submission);
  const again = await call(returns, "SubmitReturn", submission);

  await call(matches, "RunRound", { request_id: randomUUID() });
  const { decision } = await call(returns, "GetReturn", { return_id: "node-return" });
  const { match } = await call(matches, "ConfirmMatch", {
    match_id: decision.match.match_id,
    request_id: randomUUID(),
  });

  const wrong = { ...returned("node-wrong"), location: { latitude: 91, longitude: 0 } };
  const answers = await streamed(services, [returned("node-streamed"), wrong]);

  console.log(
    JSON.stringify({
      cell: stored.demand.cell,
      first_outcome: first.decision.outcome,
      is_repeated: first.decision.decision_id === again.decision.decision_id,
      matched_demand: decision.match.demand_id,
      saving_micros: decision.match.saving_micros,
      hold_state: match.hold_state,
      streamed: answers.map(({ return_id, result }) => ({ return_id, result })),
      refusal: answers[1].error.message,
      decisions: await logged(services),
    }),
  );
  for (const service of [demands, returns, matches]) service.close();
}

await main(process.argv.slice(2));
