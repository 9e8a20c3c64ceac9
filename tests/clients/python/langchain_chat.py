"""langchain-openai: `ChatOpenAI`, whole and streamed."""

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletion

from shared import API_KEY, ASKING, BASE_URL, FREE, show, waiting


def chat(role):
    return ChatOpenAI(
        model=role,
        base_url=BASE_URL,
        api_key=API_KEY,
        max_retries=0,
        # Says in the answer which run it was: the header `X-Run-Id`.
        include_response_headers=True,
    )


def pending(run):
    """What waits of a run, with the client below."""
    found = chat(ASKING).root_client.get(f"/approvals/{run}", cast_to=object)
    return found["pending_approvals"]


def told(what, message):
    assert isinstance(message, AIMessage) and message.content.strip(), "no empty text"
    reason = message.response_metadata["finish_reason"]
    run = message.response_metadata["headers"]["x-run-id"]
    calls = pending(run) if reason != "stop" else []
    show(what, reason, repr(message.content), waiting(calls), message.tool_calls)
    return run, calls


def ask(role, text):
    return told(text, chat(role).invoke([SystemMessage("be brief"), HumanMessage(text)]))


def streamed(role, text):
    whole = None
    for chunk in chat(role).stream(text):
        whole = chunk if whole is None else whole + chunk
    return told(f"stream {text}", whole)


def decide(run, calls, decision):
    body = {call["tool_call_id"]: decision for call in calls}
    answer = chat(ASKING).root_client.post(f"/approvals/{run}", body=body, cast_to=ChatCompletion)
    choice = answer.choices[0]
    calls = (answer.model_extra or {}).get("pending_approvals", [])
    show("decided", choice.finish_reason, repr(choice.message.content), waiting(calls))
    return run, calls


for each in (ask, streamed):
    each(FREE, "hello")
    each(FREE, "run echo done")
    decide(*each(ASKING, "run echo done"), True)
    decide(*each(ASKING, "run echo done"), False)
    decide(*decide(*each(ASKING, "twice echo done"), True), True)

# A history of texts goes along; what the server itself said is in it.
history = [HumanMessage("hello"), AIMessage("You said: hello"), HumanMessage("and now?")]
told("history", chat(FREE).invoke(history))
