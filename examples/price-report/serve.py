#!/usr/bin/env python3
"""A supplier and a shop to try the role with: makes data/ beside this file, then serves prices.

Usage: serve.py [PORT]    (default 8737; 0 takes a free one; stops with Ctrl-C)
       serve.py --make    (makes data/ and ends)
"""

import http.server
import json
import pathlib
import sqlite3
import sys

DATA = pathlib.Path(__file__).resolve().parent / "data"
PRICES = json.dumps({"prices": {"bolt": 0.12, "nut": 0.08}}).encode()


class Prices(http.server.BaseHTTPRequestHandler):
    """Answers every request for /prices.json, and no other."""

    def do_GET(self):
        found = self.path == "/prices.json"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(PRICES) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(PRICES)


def make():
    """The shop's database and a report to update, anew each time."""
    (DATA / "reports").mkdir(parents=True, exist_ok=True)
    (DATA / "reports" / "latest.md").write_text("# Prices\n\nbolt: not checked yet\nnut: not checked yet\n")
    (DATA / "shop.db").unlink(missing_ok=True)
    with sqlite3.connect(DATA / "shop.db") as shop:
        shop.execute("CREATE TABLE products (name TEXT PRIMARY KEY, price REAL NOT NULL)")
        shop.executemany("INSERT INTO products VALUES (?, ?)", [("bolt", 0.35), ("nut", 0.2)])
    shop.close()


if __name__ == "__main__":
    make()
    if sys.argv[1:] == ["--make"]:
        sys.exit()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8737
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Prices)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
