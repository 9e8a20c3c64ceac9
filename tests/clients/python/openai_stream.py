"""The official client's helper for streams, which collects the chunks into a completion."""

from openai import OpenAI
from openai.types.chat import ChatCompletion

from shared import API_KEY, ASKING, BASE_URL, FREE, show, waiting

client = OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)


def ask(model, text):
    """The text by events, the completion that was collected, and what chunks carried besides."""
    messages = [{"role": "user", "content": text}]
    said, carried = "", {}
    with client.chat.completions.stream(
        model=model, messages=messages, stream_options={"include_usage": True}
    ) as stream:
        for event in stream:
            if event.type == "content.delta":
                said += event.delta
            if event.type == "chunk":
                carried.update(event.chunk.model_extra or {})
        final = stream.get_final_completion()
    choice = final.choices[0]
    assert choice.message.content == said, "the events' text is the completion's"
    calls = waiting(carried.get("pending_approvals", []))
    show(text, choice.finish_reason, repr(said), calls, final.usage.total_tokens > 0)
    return carried


def decide(carried, decision):
    body = {call["tool_call_id"]: decision for call in carried["pending_approvals"]}
    answer = client.post(f"/approvals/{carried['run_id']}", body=body, cast_to=ChatCompletion)
    choice = answer.choices[0]
    calls = waiting((answer.model_extra or {}).get("pending_approvals", []))
    show("decided", choice.finish_reason, repr(choice.message.content), calls)
    return answer.model_extra


ask(FREE, "hello")
ask(FREE, "run echo done")
decide(ask(ASKING, "run echo done"), True)
decide(ask(ASKING, "run echo done"), False)
decide(decide(ask(ASKING, "twice echo done"), True), True)
ask(ASKING, "both echo done")
