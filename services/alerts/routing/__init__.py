"""Who hears of which change, when, and together with what. All but store, past, keeper and
api is pure.

    episodes   what there is to tell of: one slot a firing, sets of them are bit masks
    match      which of them a subscriber, or a silence, means
    mute       which of them nobody is told of now: silenced, or inhibited
    memory     what a subscriber has been told
    group      what goes into one notice now, and when to look again
    schedule   quiet hours and digests, in the subscriber's zone
    router     all of it for every subscriber; escalation
    notices    what is told, as notices: rendered once for all who are told the same
    store      subscribers, silences and acknowledgements in ClickHouse
    past       what log and ledger know when a process begins
    keeper     keeps it going
    api        the same for people, over HTTP

A subscriber is told of a *difference*: how an alert stands against what that subscriber was told last. So an
alert that came and went within the group wait is no news, one that flapped within the group interval is told
as it stands, and after a crash the difference between log and ledger is what is still to be told.
"""
