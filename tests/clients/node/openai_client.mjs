// The official client, answers whole and streamed by hand.

import OpenAI from "openai";
import { ASKING, FREE, apiKey, assert, baseURL, each, show, waiting } from "./shared.mjs";

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

function ask(model, text, more = {}) {
  const messages = [{ role: "user", content: text }];
  return client.chat.completions.create({ model, messages, ...more });
}

function told(what, completion) {
  const [choice] = completion.choices;
  assert(choice.message.content.trim(), "a pause is no empty text");
  const calls = waiting(completion.pending_approvals);
  show(what, choice.finish_reason, choice.message.content, calls);
  return completion;
}

async function decide(what, paused, decision) {
  const body = each(paused.pending_approvals, decision);
  return told(what, await client.post(`/approvals/${paused.run_id}`, { body }));
}

async function streamed(model, text) {
  const options = { stream: true, stream_options: { include_usage: true } };
  let [said, reason, usage, carried] = ["", null, null, {}];
  for await (const chunk of await ask(model, text, options)) {
    // As programs write it that know of no chunk without choices.
    said += chunk.choices[0]?.delta?.content ?? "";
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
    if (chunk.event) carried = chunk;
  }
  assert(said.trim(), "a pause is no empty text");
  const calls = waiting(carried.pending_approvals);
  show(`stream ${text}`, carried.event ?? "-", reason, said, calls, usage.total_tokens > 0);
  return carried;
}

show("models", (await client.models.list()).data.map((model) => model.id).sort());

told("text", await ask(FREE, "hello"));
told("tool", await ask(FREE, "run echo done"));
await decide("approve", told("pause", await ask(ASKING, "run echo done")), true);
await decide("deny", told("pause", await ask(ASKING, "run echo done")), false);
let paused = told("pause", await ask(ASKING, "twice echo done"));
paused = await decide("pause again", paused, true);
await decide("approve", paused, true);
told("two calls", await ask(ASKING, "both echo done"));

await streamed(FREE, "hello");
await streamed(FREE, "run echo done");
await decide("approve", await streamed(ASKING, "run echo done"), true);
await decide("deny", await streamed(ASKING, "run echo done"), false);
paused = await decide("pause again", await streamed(ASKING, "twice echo done"), true);
await decide("approve", paused, true);

await decide("twice", paused, true).catch((error) => {
  show("twice", error.constructor.name, error.status, error.code, error.error.decision);
});
await ask("nobody", "hello").catch((error) => {
  show("unknown model", error.constructor.name, error.status, error.code);
});
await ask(FREE, "hello", { n: 2 }).catch((error) => {
  show("two answers", error.constructor.name, error.status, error.param);
});
