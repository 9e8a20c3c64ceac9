"""pydantic-ai: an `Agent` whose model is a role.

An agent asks its model again where it got an empty answer. A pause must not look like one: a second
request would be a second run that waits. So each line ends with how often the agent asked, and how many
runs the server has more."""

import asyncio
import json
import urllib.request

from openai.types.chat import ChatCompletion
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
from pydantic_ai.providers.openai import OpenAIProvider

from shared import API_KEY, ASKING, BASE_URL, FREE, show, waiting

provider = OpenAIProvider(base_url=BASE_URL, api_key=API_KEY)

# Hands on what an answer has besides OpenAI's keys.
settings = OpenAIChatModelSettings(openai_include_unmapped_response_data=True)


def agent(role):
    return Agent(OpenAIChatModel(role, provider=provider), model_settings=settings)


def runs():
    """How many runs the server has."""
    request = urllib.request.Request(f"{BASE_URL}/runs?limit=200")
    request.add_header("Authorization", f"Bearer {API_KEY}")
    with urllib.request.urlopen(request) as answer:
        return len(json.load(answer)["data"])


def extra(response):
    """What the last answer has besides OpenAI's keys: of all of it, or of one of its chunks."""
    unmapped = (response.provider_details or {}).get("unmapped", {})
    found = {}
    for part in [unmapped, *unmapped.get("chunks", [])]:
        found.update(part.get("response", {}))
    return found


def told(what, before, output, response, history):
    details = response.provider_details or {}
    calls = waiting(extra(response).get("pending_approvals", []))
    asked = sum(1 for message in history if message.kind == "request")
    show(what, details.get("finish_reason"), repr(output), calls, asked, runs() - before)
    assert output.strip(), "a pause is no empty text"
    return extra(response)


async def ask(role, text, history=None):
    before = runs()
    result = await agent(role).run(text, message_history=history)
    messages = result.new_messages()
    return told(text, before, result.output, result.response, messages), result.all_messages()


async def streamed(role, text):
    before = runs()
    async with agent(role).run_stream(text) as result:
        output = "".join([part async for part in result.stream_text(delta=True)])
    return told(f"stream {text}", before, output, result.response, result.new_messages())


async def decide(found, decision):
    """Resumes a run with the client that the provider has."""
    body = {call["tool_call_id"]: decision for call in found["pending_approvals"]}
    path = f"/approvals/{found['run_id']}"
    answer = await provider.client.post(path, body=body, cast_to=ChatCompletion)
    choice = answer.choices[0]
    calls = waiting((answer.model_extra or {}).get("pending_approvals", []))
    show("decided", choice.finish_reason, repr(choice.message.content), calls)
    return answer.model_extra


async def main():
    await ask(FREE, "hello")
    await ask(FREE, "run echo done")
    paused, history = await ask(ASKING, "run echo done")
    # The person goes on talking while the run waits: that is another run.
    await ask(FREE, "hello again", history)
    await decide(paused, True)
    paused, _ = await ask(ASKING, "run echo done")
    await decide(paused, False)
    paused, _ = await ask(ASKING, "twice echo done")
    await decide(await decide(paused, True), True)

    await streamed(FREE, "hello")
    await streamed(FREE, "run echo done")
    await decide(await streamed(ASKING, "run echo done"), True)
    await decide(await streamed(ASKING, "run echo done"), False)
    await decide(await decide(await streamed(ASKING, "twice echo done"), True), True)


asyncio.run(main())
