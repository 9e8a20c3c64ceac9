// The official client's helper for streams, which collects the chunks into a completion.

import OpenAI from "openai";
import { ASKING, FREE, apiKey, assert, baseURL, each, show, waiting } from "./shared.mjs";

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

async function ask(model, text) {
  let [said, carried] = ["", {}];
  const messages = [{ role: "user", content: text }];
  const stream = client.chat.completions.stream({
    model,
    messages,
    stream_options: { include_usage: true },
  });
  stream.on("content", (delta) => (said += delta));
  stream.on("chunk", (chunk) => {
    if (chunk.event) carried = chunk;
  });
  const final = await stream.finalChatCompletion();
  const [choice] = final.choices;
  assert.equal(choice.message.content, said, "the events' text is the completion's");
  assert.equal(await stream.finalContent(), said);
  const calls = waiting(carried.pending_approvals);
  show(text, choice.finish_reason, said, calls, final.usage.total_tokens > 0);
  return carried;
}

async function decide(paused, decision) {
  const body = each(paused.pending_approvals, decision);
  const completion = await client.post(`/approvals/${paused.run_id}`, { body });
  const [choice] = completion.choices;
  const calls = waiting(completion.pending_approvals);
  show("decided", choice.finish_reason, choice.message.content, calls);
  return completion;
}

await ask(FREE, "hello");
await ask(FREE, "run echo done");
await decide(await ask(ASKING, "run echo done"), true);
await decide(await ask(ASKING, "run echo done"), false);
await decide(await decide(await ask(ASKING, "twice echo done"), true), true);
await ask(ASKING, "both echo done");
