"""`python -m fedpull.tests.fediverse`: the simulated Fediverse as a process of its own.

Prints one JSON line when it listens, then answers each JSON line on stdin with one on stdout; the
end of stdin ends it. For demos and benchmarks, which must not share an interpreter with it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .demo import demo_world, handles, tick
from .families import ALL, BY_NAME
from .model import Account
from .world import Fediverse

EPILOG = """commands on stdin, one JSON object a line:
  {"add": HOST, "n": 3}         posts of the host's first account, or of "user"
  {"edit": HOST, "n": 1}        edits its newest public posts
  {"delete": HOST, "n": 1}      deletes its newest public posts
  {"public": HOST}              the ids that a puller should hold now
  {"down": HOST}, {"up": HOST}  closes connections without an answer
  {"tick": N}                   N times something happens, somewhere
  {"log": true}                 the requests since the last time"""


class Commands:
    """What each command does with the world."""

    def __init__(self, world: Fediverse) -> None:
        self.world = world
        self._seen = 0
        self._by_name: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
            "add": self.add,
            "edit": self.edit,
            "delete": self.delete,
            "public": self.public,
            "down": self.down,
            "up": self.up,
            "tick": self.tick,
            "log": self.log,
        }

    def run(self, line: str) -> Any:
        try:
            command = json.loads(line)
            name = next(name for name in command if name in self._by_name)
            return self._by_name[name](command[name], command)
        except (ValueError, TypeError, KeyError, StopIteration) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def account(self, host: str, options: dict[str, Any]) -> Account:
        accounts = self.world.servers[host].accounts
        return accounts[options["user"]] if "user" in options else next(iter(accounts.values()))

    def add(self, host: str, options: dict[str, Any]) -> Any:
        account = self.account(host, options)
        texts = [f"New post {len(account.posts) + n}" for n in range(options.get("n", 1))]
        return {"added": [account.post(text).id for text in texts]}

    def edit(self, host: str, options: dict[str, Any]) -> Any:
        account = self.account(host, options)
        posts = [post for post in account.posts if post.public][-options.get("n", 1) :]
        for post in posts:
            account.edit(post, f"{post.text} (edited)")
        return {"edited": [post.id for post in posts]}

    def delete(self, host: str, options: dict[str, Any]) -> Any:
        account = self.account(host, options)
        posts = [post for post in account.posts if post.public][-options.get("n", 1) :]
        for post in posts:
            account.delete(post)
        return {"deleted": [post.id for post in posts]}

    def public(self, host: str, options: dict[str, Any]) -> Any:
        account = self.account(host, options)
        return {"public": sorted(account.server.public_objects(account))}

    def down(self, host: str, _: dict[str, Any]) -> Any:
        self.world.down(host)
        return {"down": host}

    def up(self, host: str, _: dict[str, Any]) -> Any:
        self.world.up(host)
        return {"up": host}

    def tick(self, times: int, _: dict[str, Any]) -> Any:
        return {"happened": [tick(self.world) for _ in range(times)]}

    def log(self, _wanted: Any, _: dict[str, Any]) -> Any:
        requests = self.world.log.since(self._seen)
        self._seen += len(requests)
        return {
            "requests": [
                {"at": r.at, "host": r.host, "target": r.target, "status": r.status}
                for r in requests
            ]
        }


def build(families: str, posts: int, port: int, hosts: int) -> Fediverse:
    """The world that the options describe, not started yet."""
    if families == "demo":
        return demo_world(port=port, posts=posts)
    chosen = [BY_NAME[name] for name in families.split(",")] if families else ALL
    servers = [
        family(f"{family.family}-{n}.example" if hosts > 1 else None)
        for family in chosen
        for n in range(1, hosts + 1)
    ]
    world = Fediverse(servers, port=port)
    for server in world.servers.values():
        server.add_account(posts=posts)
    return world


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m fedpull.tests.fediverse",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--ca", type=Path, help="where to write the CA certificate")
    parser.add_argument("--families", default="", help=f"demo, or some of {','.join(BY_NAME)}")
    parser.add_argument("--hosts", type=int, default=1, help="of each family: family-N.example")
    parser.add_argument("--posts", type=int, default=40, help="of each account")
    options = parser.parse_args()
    unknown = set(filter(None, options.families.split(","))) - {*BY_NAME, "demo"}
    if unknown:
        parser.error(f"unknown families: {', '.join(sorted(unknown))}")

    with build(options.families, options.posts, options.port, options.hosts) as world:
        ca = world.ca_file
        if options.ca is not None:
            ca = Path(shutil.copyfile(world.ca_file, options.ca))
        ready = {
            "port": world.port,
            "ca": str(ca),
            "hosts": list(world.servers),
            "handles": handles(world),
        }
        print(json.dumps(ready), flush=True)
        commands = Commands(world)
        for line in sys.stdin:
            print(json.dumps(commands.run(line)), flush=True)


if __name__ == "__main__":
    main()
