// Text, a tool, and calls that a person approves, denies, and is asked about again.

import assert from "node:assert";
import { readUIMessageStream } from "ai";
import { Chat, part, show, transport } from "./page.js";

let chat = new Chat("free");
await chat.sendMessage({ text: "hello" });
show("text", chat);
assert.match(chat.lastMessage.id, /^run_/);
assert.equal(chat.lastMessage.metadata.initrunner.run_id, chat.lastMessage.id);

// The answer before is sent along, with what the tool gave; only its texts are read.
await chat.sendMessage({ text: "run echo done" });
show("tool", chat);

chat = new Chat("asking");
await chat.sendMessage({ text: "run echo done" });
show("pause", chat);
const [asked] = chat.questions();
assert.equal(asked.approval.id, `${chat.lastMessage.id}.${asked.toolCallId}.${asked.approval.descriptor.version}`);
assert.deepEqual(asked.approval.descriptor.arguments, { command: "echo done" });
await chat.answer(true);
show("approve", chat);

chat = new Chat("asking");
await chat.sendMessage({ text: "run echo done" });
await chat.answer(false, "not today");
show("deny", chat);

chat = new Chat("asking");
await chat.sendMessage({ text: "twice echo done" });
const first = chat.lastMessage.id;
await chat.answer(true);
show("pause again", chat);
assert.equal(chat.lastMessage.id, first);
await chat.answer(true);
show("approve again", chat);
assert.equal(chat.messages.length, 2);

chat = new Chat("asking");
await chat.sendMessage({ text: "both echo done" });
const [one, two] = chat.questions();
await chat.addToolApprovalResponse({ id: one.approval.id, approved: true });
await chat.addToolApprovalResponse({ id: two.approval.id, approved: false });
await chat.rest();
show("one of two", chat);

// A call that nobody is asked about has its result before the question about the other.
chat = new Chat("mixed");
await chat.sendMessage({ text: "mixed echo done" });
show("beside a free call", chat);
await chat.answer(true);
show("both done", chat);

// The same by the stream alone, for programs that keep no chat.
const stream = await transport("free").sendMessages({
  chatId: "c",
  trigger: "submit-message",
  messages: [{ id: "m", role: "user", parts: [{ type: "text", text: "run echo done" }] }],
});
let last;
for await (const message of readUIMessageStream({ stream, terminateOnError: true })) last = message;
console.log("stream:", last.parts.map(part).join(" | "));
