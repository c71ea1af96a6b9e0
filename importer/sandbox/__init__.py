"""The stand-in: it imitates Triage's HTTP API as the public reference describes it, and misbehaves on request.

It is a separate program that happens to ship along: it imports nothing else of `importer`. Where the reference is
silent it does one thing, the nearest to what is documented:

========================  ============================================================================================
Unknown                   Here
========================  ============================================================================================
bad create                400 `bad_request`, as PATCH documents (`--invalid-status 422`); the message lists each path
other bad bodies, queries 400 `bad_request`; so are `limit` 0 or 101, an unknown `cursor` and an unknown filter value
unknown body fields       ignored
null, blank text          null only where PATCH documents it (owner and assignee); nothing is trimmed, blanks count
a character               a UTF-16 unit
an id `missing-…`         names nothing: a resource gives 404, on a create too, which then makes no issue; a user 400
an id `late-…`            of a resource: names nothing either, until the sandbox is started again on the same file
any other id              of a call, conversation, file or user exists; the same link twice in a create is one link
a malformed UUID          404
new category in a create  joins the catalogue; case and spelling count; creating a known one gives it back with 200
numbers                   from 1001, in order of creation, never used again
PATCH without a change    writes nothing
any other write           moves `updated_at` and `last_activity_at` and makes activity unread, as the examples show
`@norm`                   in a comment, in any case, width and disguise, anywhere, even within a word: one dispatch;
                          elsewhere: nothing (`--norm-everywhere`)
unknown resource_link_ids 404, "Resource not found"
`search`                  every word, whole, in any order and case, in title or description; at once (`--search-lag`)
sort by severity, status  by rank: low to critical, backlog to closed
filters                   OR within one key, AND between keys; no commas; category as it is written
cursor                    the last item's id (of names: the name); 400 once that item is deleted
list items                whole descriptions (`--cut-descriptions`)
resources, relations, …   oldest first; flag types by usage
relations                 to itself 400
comments, flags, …        the same again makes a second one, so that a client's repeat shows
a flag's type             what is neither letter nor digit becomes one `_`; empty: 400
key                       any that is not empty (`--api-key`); else 401 `AUTH_FAILURE`; `Bearer` in front is allowed
429                       `Rate Limit Exceeded`, with Retry-After in whole seconds
`external_link`           null
`/v1/me`                  `{"status": "active"}`
========================  ============================================================================================
"""
