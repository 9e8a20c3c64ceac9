"""What the scripts share: the server that they are told of, and how they print."""

import json
import os

BASE_URL = os.environ["INITRUNNER_URL"] + "/v1"
API_KEY = os.environ["INITRUNNER_KEY"]

# One role of the test asks a person before each call of its tool, the other does not.
ASKING = "asking"
FREE = "free"


def show(what, *said):
    """One line: what was done, and what the client has of it."""
    words = [one if isinstance(one, str) else json.dumps(one, sort_keys=True) for one in said]
    print(f"{what}: {' | '.join(words)}", flush=True)


def waiting(calls):
    """What waits, without the ids: each run has others."""
    return [[call["tool_name"], call["arguments"]] for call in calls]
