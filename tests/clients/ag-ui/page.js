// A page that speaks AG-UI, without its pixels: the agent that its libraries are made around.

import { HttpAgent, buildResumeArray } from "@ag-ui/client";

const server = process.env.INITRUNNER_URL;
const key = process.env.INITRUNNER_KEY;

/** One conversation with a role. `sent` is told each body, and may change it. */
export class Agent extends HttpAgent {
  constructor(role, sent = () => {}) {
    super({
      url: `${server}/ag-ui/${role}`,
      headers: { Authorization: `Bearer ${key}` },
      threadId: "thread",
      fetch: async (address, request) => {
        const body = JSON.parse(request.body);
        sent(body);
        return await fetch(address, { ...request, body: JSON.stringify(body) });
      },
    });
    this.kinds = [];
    this.subscribe({ onEvent: ({ event }) => void this.kinds.push(event.type) });
  }

  /** Says something, and waits for what the server says. */
  async say(text, parameters) {
    this.addMessage({ id: crypto.randomUUID(), role: "user", content: text });
    await this.run_(parameters);
  }

  /** Answers every question with the same. */
  async answer(payload) {
    await this.resume(() => ({ status: "resolved", payload }));
  }

  /** Answers each question. */
  async resume(answer) {
    const open = this.pendingInterrupts;
    const responses = Object.fromEntries(open.map((one, index) => [one.id, answer(one, index)]));
    await this.run_({ resume: buildResumeArray(open, responses) });
  }

  async run_(parameters) {
    this.kinds = [];
    this.failure = undefined;
    // A refusal is thrown, and printed by the agent as well.
    const { error } = console;
    console.error = () => {};
    try {
      await this.runAgent(parameters);
    } catch (error) {
      this.failure = error;
    } finally {
      console.error = error;
    }
  }
}

/** What a page shows by now, without ids: each run has others. */
export function show(what, agent) {
  console.log(`${what}: ${[agent.failure && refusal(agent.failure), kinds(agent)].filter(Boolean).join(" ")}`);
  for (const { role, content, toolCalls = [] } of agent.messages) {
    if (content !== undefined) console.log(`  ${role}: ${JSON.stringify(content)}`);
    for (const { function: called } of toolCalls) {
      console.log(`  ${role} calls: ${called.name} ${called.arguments}`);
    }
  }
  for (const { reason, message, metadata } of agent.pendingInterrupts) {
    console.log(`  ? ${reason}: ${message} ${JSON.stringify(metadata.initrunner.arguments)}`);
  }
}

/** What a refusal says, without the ids in it. */
function refusal({ status, payload, message }) {
  return status === undefined ? message : `${status} ${payload?.error?.code ?? message}`;
}

/** Which events came; of equal ones that follow each other, one. */
function kinds({ kinds }) {
  return kinds.filter((kind, index) => kind !== kinds[index - 1]).join(" ");
}
