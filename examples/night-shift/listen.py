#!/usr/bin/env python3
"""A server that is told of runs: it checks who tells it, and prints what it is told.

    NOTICE_SECRET=… python3 listen.py [PORT]
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["NOTICE_SECRET"].encode()
# A notice that somebody recorded is of no use to them later than this: in seconds.
WINDOW = 300


def is_signed(headers, body):
    """Whether a notice is signed as Standard Webhooks says, and now."""
    when = headers.get("webhook-timestamp", "")
    if not when.isdigit() or abs(time.time() - int(when)) > WINDOW:
        return False
    text = f"{headers.get('webhook-id', '')}.{when}.".encode() + body
    mac = "v1," + base64.b64encode(hmac.digest(SECRET, text, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(mac.encode(), one.encode()) for one in given)


class Notices(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        signed = is_signed(self.headers, body)
        if signed:
            notice = json.loads(body)
            run = notice["data"]
            print(notice["type"], run["run_id"], run["state"], flush=True)
            for call in run["calls"]:
                print("  ", call["tool_name"], json.dumps(call["arguments"]), flush=True)
            if run.get("resume"):
                print("  ", run["resume"], flush=True)
        self.send_response(204 if signed else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8300), Notices)
    print(f"Listening on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
