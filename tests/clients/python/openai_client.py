"""The official client, answers whole and streamed by hand."""

from openai import OpenAI
from openai.types.chat import ChatCompletion

from shared import API_KEY, ASKING, BASE_URL, FREE, show, waiting

client = OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)


def ask(model, text, **more):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model=model, messages=messages, **more)


def told(what, completion):
    choice = completion.choices[0]
    extra = completion.model_extra or {}
    calls = waiting(extra.get("pending_approvals", []))
    show(what, choice.finish_reason, repr(choice.message.content), calls)
    assert choice.message.content, "a pause is no empty text"
    return completion


def decide(completion, decisions):
    """Resumes a run with the client's own request, read as a completion."""
    run = completion.model_extra["run_id"]
    calls = [call["tool_call_id"] for call in completion.model_extra["pending_approvals"]]
    body = dict(zip(calls, decisions, strict=True))
    return client.post(f"/approvals/{run}", body=body, cast_to=ChatCompletion)


def read(stream):
    """Reads a stream as programs do: what each choice adds, and what else a chunk carries."""
    text, reason, carried, usage = "", None, {}, None
    for chunk in stream:
        carried.update(chunk.model_extra or {})
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
    return text, reason, carried, usage


show("models", sorted(model.id for model in client.models.list()))
show("model", client.models.retrieve(ASKING).owned_by)

told("text", ask(FREE, "hello"))
told("tool", ask(FREE, "run echo done"))

paused = told("pause", ask(ASKING, "run echo done"))
told("approve", decide(paused, [True]))
paused = told("pause", ask(ASKING, "run echo done"))
told("deny", decide(paused, [{"decision": "deny", "reason": "not today"}]))
paused = told("pause", ask(ASKING, "run echo done"))
told("edit", decide(paused, [{"decision": "approve", "arguments": {"command": "echo other"}}]))
paused = told("pause", ask(ASKING, "twice echo done"))
paused = told("pause again", decide(paused, [True]))
told("approve", decide(paused, [True]))
stop = {"X-Finish-Reason": "stop"}
told("as a stop", ask(ASKING, "run echo done", extra_headers=stop))
paused = told("two calls", ask(ASKING, "both echo done"))
told("one of them", decide(paused, [True, False]))

text, reason, carried, usage = read(ask(FREE, "hello", stream=True))
show("stream text", reason, repr(text))
options = {"include_usage": True}
text, reason, carried, usage = read(
    ask(FREE, "run echo done", stream=True, stream_options=options)
)
show("stream tool", reason, repr(text), usage.total_tokens > 0)
text, reason, carried, usage = read(
    ask(ASKING, "twice echo done", stream=True, stream_options=options)
)
calls = waiting(carried["pending_approvals"])
show("stream pause", carried["event"], reason, repr(text), calls, usage.total_tokens > 0)
body = {call["tool_call_id"]: True for call in carried["pending_approvals"]}
paused = client.post(f"/approvals/{carried['run_id']}", body=body, cast_to=ChatCompletion)
told("pause again", paused)
told("deny", decide(paused, [False]))

try:
    decide(paused, [True])
except Exception as error:
    show("twice", type(error).__name__, error.status_code, error.code, error.body["decision"])
try:
    ask("nobody", "hello")
except Exception as error:
    show("unknown model", type(error).__name__, error.status_code, error.code)
try:
    ask(FREE, "hello", n=2)
except Exception as error:
    show("two answers", type(error).__name__, error.status_code, error.param)
try:
    OpenAI(base_url=BASE_URL, api_key="wrong", max_retries=0).get(
        f"/approvals/{paused.model_extra['run_id']}", cast_to=object
    )
except Exception as error:
    show("wrong key", type(error).__name__, error.status_code)
