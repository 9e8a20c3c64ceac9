// A page made with the AI SDK, without its pixels: the state that `useChat` keeps, and what its
// `DefaultChatTransport` sends.

import {
  AbstractChat,
  DefaultChatTransport,
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses,
} from "ai";

const server = process.env.INITRUNNER_URL;
const key = process.env.INITRUNNER_KEY;

/** How requests to a role leave. `sent` is told each body, and may change it. */
export function transport(role, sent = () => {}) {
  return new DefaultChatTransport({
    api: `${server}/ai-sdk/${role}/chat`,
    headers: { Authorization: `Bearer ${key}` },
    fetch: async (address, request) => {
      const body = JSON.parse(request.body);
      sent(body);
      return await fetch(address, { ...request, body: JSON.stringify(body) });
    },
  });
}

/** What a page keeps, where no library draws it. */
class State {
  status = "ready";
  error = undefined;
  messages = [];

  pushMessage(message) {
    this.messages = [...this.messages, message];
  }

  popMessage() {
    this.messages = this.messages.slice(0, -1);
  }

  replaceMessage(index, message) {
    this.messages = this.messages.with(index, structuredClone(message));
  }

  snapshot(thing) {
    return structuredClone(thing);
  }
}

/** One chat with a role. Answers are sent by themselves once all questions have one. */
export class Chat extends AbstractChat {
  constructor(role, options = {}) {
    super({
      state: new State(),
      transport: transport(role, options.sent),
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      onError: (error) => (this.failure = error),
      onFinish: ({ finishReason }) => (this.reason = finishReason),
    });
  }

  /** The calls of the last answer that a person is asked about. */
  questions() {
    const parts = this.lastMessage.parts.filter(isToolUIPart);
    return parts.filter((part) => part.state === "approval-requested");
  }

  /** Answers all of them, and waits for what the server says. */
  async answer(approved, reason) {
    for (const { approval } of this.questions()) {
      await this.addToolApprovalResponse({ id: approval.id, approved, reason });
    }
    await this.rest();
  }

  /** Waits until nothing is under way. */
  async rest() {
    do {
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.status === "submitted" || this.status === "streaming");
  }
}

/** One part of a message, without its ids: each run has others. */
export function part(part) {
  if (part.type === "text") return `text ${JSON.stringify(part.text)}`;
  if (!isToolUIPart(part)) return part.type;
  const { toolName, state, input, output, errorText, approval } = part;
  const said = [toolName, state, input, output ?? errorText, approval?.approved, approval?.reason];
  return said
    .filter((one) => one !== undefined)
    .map((one) => (typeof one === "string" ? one : JSON.stringify(one)))
    .join(" ");
}

/** What a page shows by now: of each message who says it, and its parts. */
export function show(what, chat) {
  const { status, reason, failure } = chat;
  console.log(`${what}: ${[status, reason, failure?.message].filter(Boolean).join(" ")}`);
  for (const { role, parts } of chat.messages) {
    for (const one of parts) console.log(`  ${role}: ${part(one)}`);
  }
}
