// The AI SDK with its provider for OpenAI-compatible servers: `generateText` and `streamText`.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
import { ASKING, FREE, apiKey, assert, baseURL, each, show, waiting } from "./shared.mjs";

// The provider's own way of handing on what an answer has besides OpenAI's keys.
const approvals = (body) =>
  body?.pending_approvals && {
    initrunner: { run_id: body.run_id, pending_approvals: body.pending_approvals },
  };
const metadataExtractor = {
  extractMetadata: async ({ parsedBody }) => approvals(parsedBody),
  createStreamExtractor: () => {
    let found;
    return {
      processChunk: (chunk) => (found ??= approvals(chunk)),
      buildMetadata: () => found,
    };
  },
};
const initrunner = createOpenAICompatible({
  name: "initrunner",
  baseURL,
  apiKey,
  includeUsage: true,
  metadataExtractor,
});

function told(what, { text, finishReason, rawFinishReason, steps, usage, providerMetadata }) {
  assert(text.trim(), "a pause is no empty text");
  const paused = providerMetadata?.initrunner ?? {};
  const calls = waiting(paused.pending_approvals);
  show(what, finishReason, rawFinishReason, text, calls, steps.length, usage.totalTokens > 0);
  return paused;
}

async function ask(model, prompt, headers = {}) {
  const result = await generateText({ model: initrunner(model), prompt, headers, maxRetries: 0 });
  return told(prompt, result);
}

async function streamed(model, prompt) {
  let text = "";
  const onError = ({ error }) => {
    throw error;
  };
  const result = streamText({ model: initrunner(model), prompt, maxRetries: 0, onError });
  for await (const part of result.textStream) text += part;
  return told(`stream ${prompt}`, {
    text,
    finishReason: await result.finishReason,
    rawFinishReason: await result.rawFinishReason,
    steps: await result.steps,
    usage: await result.usage,
    providerMetadata: await result.providerMetadata,
  });
}

async function decide(paused, decision) {
  // The provider has no request of its own but those that ask a model.
  const answer = await fetch(`${baseURL}/approvals/${paused.run_id}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
    body: JSON.stringify(each(paused.pending_approvals, decision)),
  });
  const completion = await answer.json();
  const [choice] = completion.choices;
  const calls = waiting(completion.pending_approvals);
  show("decided", answer.status, choice.finish_reason, choice.message.content, calls);
  return completion;
}

for (const way of [ask, streamed]) {
  await way(FREE, "hello");
  await way(FREE, "run echo done");
  await decide(await way(ASKING, "run echo done"), true);
  await decide(await way(ASKING, "run echo done"), false);
  await decide(await decide(await way(ASKING, "twice echo done"), true), true);
}

// It knows OpenAI's words alone: a pause is "other", where it is not asked to be a stop.
await ask(ASKING, "run echo done", { "X-Finish-Reason": "stop" });
