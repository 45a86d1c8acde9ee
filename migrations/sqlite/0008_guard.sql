-- Looks at members within the running hour and day, of a person or a unit (A10b). Operational: under no set head; who resets it
-- gives somebody more looks, and each look is an entry.
create table look_count (
    whose text not null,                -- person/LOGIN or unit/CODE
    look text not null,                 -- look_up, show, reveal, verify
    hour integer not null,              -- hours since 1970
    in_hour integer not null,
    day integer not null,               -- days since 1970, in the vault's zone
    in_day integer not null,
    primary key (whose, look)
) without rowid;

-- Alarms (A10b), by the place of their entry. Under a set head: an open alarm can hold somebody back.
create table alarm (
    seq integer primary key,
    kind text not null,
    whom text not null,                 -- person/LOGIN, address/TAG, everywhere
    hour integer not null,              -- hours since 1970 of what it is about
    raised_at integer not null,
    count integer not null,
    minutes integer not null,
    acknowledged_by text,
    acknowledged_at integer
);
-- One of a kind, about one, an hour: the writer's turn sees to it.
create index alarm_about on alarm (whom, kind, hour);

-- What one process at a time does, until when, and how far it came. Operational: under no set head; who changes it has it done
-- twice, or late.
create table duty (
    name text primary key,
    holder blob not null,
    until integer not null,
    place integer not null              -- the first entry that was not looked at
) without rowid;

-- Messages that wait to be sent. Operational: under no set head; they say that there is something to look at, and decide nothing.
create table outbox (
    receiver text not null,             -- its name in the settings
    seq integer not null,               -- the entry it is about
    kind text not null,
    number text not null,
    step text not null,
    made_at integer not null,
    tries integer not null,
    next_at integer not null,
    primary key (receiver, seq, kind)
) without rowid;

-- How receivers did. Operational, for whoever runs the vault.
create table receiver (
    receiver text primary key,
    sent integer not null,
    dropped integer not null,
    why text not null                   -- why the newest failed; empty when it went out
) without rowid;
