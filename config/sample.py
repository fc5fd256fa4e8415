"""The commented configuration file that `fedpull init` writes. Text only; nothing is read from it.

Invariant (a test proves each part): it loads to exactly the defaults, every key of the model stands
in it with its default, and what it only shows is valid too. Lines that begin with `#` and no single
space are settings that are switched off.
"""

from __future__ import annotations

_SAMPLE = """\
# Configuration of Fedpull.
#
# Every key may be left out; the values below are the defaults. Durations are written 30s, 5m, 2h
# or 1d, sizes 512KiB, 1MiB or 64GiB, rates 100/15m or 20000/h. Files are looked for in the folder
# of this file. A line such as `#identity:` is a setting that is switched off: take away the `#`
# (and nothing else) to use it.

# A web page or a mail address where those whose servers you read can find you. It is sent with
# every request. Without it `fedpull run` does not fetch from public servers.
#contact: https://example.org/about-our-crawler

# Who you are to other servers. Some only answer requests that are signed, and none can push to you
# without it. `url` is the public address of the inbox listener, behind your TLS proxy.
#identity:
#  url: https://pull.example.org
#  username: fedpull                # the handle is then @fedpull@pull.example.org
#  name: Example reader
#  summary: What this crawler does and how to block it
#  key_file: keys/actor.pem         # made by `fedpull init`; keep it secret
#  followers: all                   # who may follow you: all, ask or none
#  trusted_proxies: [127.0.0.1]     # whose X-Forwarded-For is believed

# Where Fedpull listens, as Twisted endpoint descriptions: tcp:PORT:interface=ADDRESS or unix:PATH.
listen:
  api: tcp:8787:interface=127.0.0.1     # the private API, for your own programs only
  inbox: tcp:8788:interface=127.0.0.1   # for other servers; off as long as there is no identity

api:
  # A file with the password of the API. Needed when other machines can reach `listen.api`.
  token_file: null

store:
  path: data                        # the folder of the store
  max_bytes: 64GiB                  # when it is full the crawl pauses, and what is there is served
  history: 3                        # how many older versions of a changed document are kept
  group: null                       # a group of users that may read the store directly

# Whom to pull: a handle, the address of an actor, or a mapping with more to say. Handles need
# quotes. Nobody notices that you follow them in this way.
#follow:
#  - "@alice@example.social"
#  - actor: "@agenda@events.example"
#    types: [Event]                 # keep only these types of objects; without it, all
#    backfill: 200                  # how many posts to read back at first: a number, all or none
#    boosts: true                   # also fetch what they boost
#    replies: 0                     # how many levels of replies to fetch
#    parents: 4                     # how far up a conversation to fetch
#    every: {min: 2m, max: 7d}      # how often to look: bounds of what is found out; min from 1s
#    subscribe: false               # also send a follow request, so that their server pushes

# Lists of more: Mastodon's following_accounts.csv, OPML, or one handle a line.
#follow_files: [following.csv]

freshness:
  budget: 20000/h                   # requests that nobody waits for, to all servers together
  # When a copy is due to be checked: `adaptive` finds out, a duration fixes it for a type.
  # {Person: 1d, default: adaptive} looks at people once a day.
  types: {default: adaptive}
  keep_unverified: 30d              # what could not be checked for so long is thrown away
  refetch_embedded: false           # true: ask for each post by its own URL, even if a page has it

# What a single server has to bear, whatever the reason for asking.
politeness:
  concurrency: 1                    # connections at a time
  gap: 2s                           # pause between two requests
  pages: 100/15m                    # pages of outboxes and other lists; or [100/15m, 1000/1d]
  # robots.txt. crawl: obeyed for all but the posts and profiles of those you follow, on their own
  # server; strict: obeyed for everything; off: not asked for.
  robots: crawl
  robots_allow: []                  # hosts whose robots.txt is not asked for

# Servers to have nothing to do with: Mastodon's domain_blocks.csv, or one domain a line.
#blocklists: [blocks.csv]

network:
  # Only public addresses are contacted. These networks may be as well, as in [10.20.0.0/16].
  allow: []
  ports: [443]                      # the ports that an address may name
  local_names: []                   # names of your own network that may be asked for, as *.lan
  # Sends connections elsewhere, as curl's --connect-to; checks and TLS keep to the first name:
  # {"events.example:443": "127.0.0.1:9443", "*.example:443": "127.0.0.1:9444"}
  connect_to: {}
  ca_file: null                     # a PEM file with the authorities to trust, not the system's
  http: false                       # whether addresses with http:// are accepted
  timeout: 30s                      # for a whole answer, redirects included
  max_bytes: 1MiB                   # the largest answer that is read

delivery:
  retry: [1m, 5m, 30m, 2h, 12h, 24h]    # pauses between attempts to deliver an activity
  ttl: 7d                               # after that it is given up

log:
  level: info                       # debug, info, warning or error
  format: console                   # console or json
"""


def sample_yaml() -> str:
    """The text of a first `fedpull.yaml`."""
    return _SAMPLE
