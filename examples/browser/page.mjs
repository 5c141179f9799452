// The page: every decision is a line as soon as it is made, and a click on it asks why.

import { connect, faultsOf } from "./caller.mjs";

const state = document.getElementById("state");
const list = document.getElementById("decisions");
let watching = new AbortController();

document.getElementById("server").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { url, token } = Object.fromEntries(new FormData(event.target));
  watching.abort(); // of the server before
  watching = new AbortController();
  list.replaceChildren();
  state.textContent = "…";
  try {
    const schema = await (await fetch("nearturn.binpb")).arrayBuffer();
    await watch(connect(url, new Uint8Array(schema), { token }), watching.signal);
  } catch (error) {
    if (!watching.signal.aborted) state.textContent = faultsOf(error).join("\n");
  }
});

async function watch({ matches, explanations, nameOf }, signal) {
  state.textContent = "Watching.";
  for await (const { decision } of matches.watchDecisions({}, { signal })) {
    const line = document.createElement("li");
    line.textContent = `${decision.returnId}: ${nameOf("Outcome", decision.outcome)}`;
    line.addEventListener(
      "click",
      async () => {
        const subject = { case: "decisionId", value: decision.decisionId };
        const { summary } = await explanations.explainDecision({ subject });
        line.append(document.createElement("br"), summary);
      },
      { once: true },
    );
    list.prepend(line);
  }
}
