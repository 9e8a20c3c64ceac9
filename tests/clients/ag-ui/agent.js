// Text, a tool, and calls that a person approves, denies, changes, and is asked about again.

import assert from "node:assert";
import { Agent, show } from "./page.js";

let agent = new Agent("free");
await agent.say("hello");
show("text", agent);
assert.match(agent.messages.at(-1).id, /^run_.*\.1$/);

// What was said before is sent along, with what the tool gave; only the texts are read.
await agent.say("run echo done");
show("tool", agent);

agent = new Agent("asking");
await agent.say("run echo done");
show("pause", agent);
const [interrupt] = agent.pendingInterrupts;
const { run_id, version } = interrupt.metadata.initrunner;
assert.equal(interrupt.id, `${run_id}.${interrupt.toolCallId}.${version}`);
assert.equal(interrupt.toolCallId, agent.messages.at(-1).toolCalls[0].id);
assert.equal(interrupt.responseSchema.properties.editedArgs.type, "object");
await agent.answer({ approved: true });
show("approve", agent);
await agent.say("hello again");
show("and on", agent);

agent = new Agent("asking");
await agent.say("run echo done");
await agent.answer({ approved: false, reason: "not today" });
show("deny", agent);

agent = new Agent("asking");
await agent.say("run echo done");
await agent.answer({ approved: true, editedArgs: { command: "echo other" } });
show("edit", agent);

agent = new Agent("asking");
await agent.say("twice echo done");
await agent.answer({ approved: true });
show("pause again", agent);
await agent.answer({ approved: true });
show("approve again", agent);

agent = new Agent("asking");
await agent.say("both echo done");
await agent.resume((_, index) => ({ status: "resolved", payload: { approved: index === 0 } }));
show("one of two", agent);

// A call that nobody is asked about has its result before the question about the other.
agent = new Agent("mixed");
await agent.say("mixed echo done");
show("beside a free call", agent);
await agent.answer({ approved: true });
show("both done", agent);

// Who leaves the question has not said yes.
agent = new Agent("asking");
await agent.say("run echo done");
await agent.resume(() => ({ status: "cancelled" }));
show("left", agent);
