// The same calls without a browser: an order, a return, a round, and what came of it.
//
//   node as_a_page.mjs URL SCHEMA ORIGIN [TOKEN]
//
// Node's fetch asks nobody whether a page may call. This one does, as browsers do: what a
// page of ORIGIN could not send or read fails here, too. A policy has to be in force. What
// it did goes to standard output as one line of JSON.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, faultsOf } from "./caller.mjs";

const DAY_MS = 86_400_000;

// What any page may send and read without asking.
const SENT_FREELY = ["accept", "accept-language", "content-language"];
const READ_FREELY = ["cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"];

const listed = (headers, name) => (headers.get(name) ?? "").toLowerCase().split(/,\s*/);

function fetchOf(origin) {
  return async (url, init) => {
    const asked = [...new Headers(init.headers).keys()].filter((name) => !SENT_FREELY.includes(name));
    const leave = await fetch(url, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": init.method,
        "access-control-request-headers": asked.sort().join(","),
      },
    });
    const mayNot = asked.filter((name) => !listed(leave.headers, "access-control-allow-headers").includes(name));
    if (!leave.ok || leave.headers.get("access-control-allow-origin") !== origin) throw new TypeError("the origin may not call");
    if (!listed(leave.headers, "access-control-allow-methods").includes(init.method.toLowerCase())) throw new TypeError("the method may not be used");
    if (mayNot.length) throw new TypeError(`may not be sent: ${mayNot}`);

    const answer = await fetch(url, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), origin } });
    if (answer.headers.get("access-control-allow-origin") !== origin) throw new TypeError("the origin may not read");
    const readable = [...READ_FREELY, ...listed(answer.headers, "access-control-expose-headers")];
    const headers = [...answer.headers].filter(([name]) => readable.includes(name));
    return new Response(answer.body, { status: answer.status, headers });
  };
}

const inDays = (days) => new Date(Date.now() + days * DAY_MS).toISOString();

const SHIRT = { sku: "shirt-m", category: "apparel", location: { latitude: 52.52, longitude: 13.405 } };

const order = (id) => ({
  ...SHIRT,
  demandId: id,
  quantity: 1,
  shipByTime: inDays(3),
  minCondition: "CONDITION_GOOD",
  acceptsReturnedItem: true,
});

function returned(id) {
  const facts = ["fragile", "regulated", "customMade", "damaged", "defective", "endOfSeason"];
  return {
    ...SHIRT,
    returnId: id,
    orderId: `order of ${id}`,
    customerId: `customer of ${id}`,
    reason: "RETURN_REASON_FIT",
    condition: "CONDITION_LIKE_NEW",
    attributes: Object.fromEntries(facts.map((fact) => [fact, "FACT_NO"])),
    verification: {
      status: "VERIFICATION_STATUS_PASSED",
      method: "photo",
      source: "grader",
      sourceVersion: "3",
      evidenceId: `evidence of ${id}`,
      confidence: 0.97,
      verifyTime: inDays(0),
    },
    customerConsents: true,
    transitState: "TRANSIT_STATE_WITH_CUSTOMER",
    decideByTime: inDays(1),
    weightGrams: 300,
  };
}

async function faults(registry, call) {
  try {
    await call();
    return [];
  } catch (error) {
    return faultsOf(error, registry);
  }
}

async function story(name, { demands, returns, matches, explanations, request, nameOf, registry }) {
  const requestId = randomUUID();
  await demands.upsertDemand(request("UpsertDemandRequest", { demand: order(name), requestId: randomUUID() }));
  const submission = request("SubmitReturnRequest", { returnItem: returned(name), requestId });
  const first = await returns.submitReturn(submission);
  const again = await returns.submitReturn(submission);
  await matches.runRound({ requestId: randomUUID() });

  const seen = [];
  for await (const { decision } of matches.watchDecisions({ stopAtEnd: true })) {
    if (decision.returnId === name) seen.push(nameOf("Outcome", decision.outcome));
  }
  const why = await explanations.explainDecision({ subject: { case: "returnId", value: name } });
  const wrong = { ...returned(name), location: { latitude: "NaN", longitude: 0 } };
  return {
    is_repeated: first.decision.decisionId === again.decision.decisionId,
    seen,
    has_summary: why.summary.length > 0,
    faults: await faults(registry, () => returns.submitReturn(request("SubmitReturnRequest", { returnItem: wrong }))),
  };
}

async function main([url, file, origin, token = ""]) {
  const schema = readFileSync(file);
  const ways = {
    "connect-json": { protocol: "connect" },
    connect: { protocol: "connect", useBinaryFormat: true },
    "grpc-web": { protocol: "grpc-web" },
  };
  const told = {};
  for (const [name, way] of Object.entries(ways)) {
    told[name] = await story(name, connect(url, schema, { ...way, token, fetch: fetchOf(origin) }));
  }
  const stranger = connect(url, schema, { token, fetch: fetchOf("https://stranger.example") });
  told.stranger = await faults(stranger.registry, () => stranger.matches.runRound({}));
  console.log(JSON.stringify(told));
}

await main(process.argv.slice(2));
