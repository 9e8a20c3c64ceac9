// What the scripts share: the server that they are told of, and how they print.

import assert from "node:assert";

export const baseURL = `${process.env.INITRUNNER_URL}/v1`;
export const apiKey = process.env.INITRUNNER_KEY;

// One role of the test asks a person before each call of its tool, the other does not.
export const ASKING = "asking";
export const FREE = "free";

/** One line: what was done, and what the client has of it. */
export function show(what, ...said) {
  const words = said.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  console.log(`${what}: ${words.join(" | ")}`);
}

/** What waits, without the ids: each run has others. */
export function waiting(calls = []) {
  return calls.map((call) => [call.tool_name, call.arguments]);
}

/** The same decision about each of them. */
export function each(calls, decision) {
  return Object.fromEntries(calls.map((call) => [call.tool_call_id, decision]));
}

export { assert };
