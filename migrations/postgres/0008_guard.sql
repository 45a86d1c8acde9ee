-- Looks at members within the running hour and day, of a person or a unit (A10b). Operational: under no set head; who resets it
-- gives somebody more looks, and each look is an entry.
create table look_count (
    whose text not null,                -- person/LOGIN or unit/CODE
    look text not null,                 -- look_up, show, reveal, verify
    hour bigint not null,              -- hours since 1970
    in_hour bigint not null,
    day bigint not null,               -- days since 1970, in the vault's zone
    in_day bigint not null,
    primary key (whose, look)
);

-- Alarms (A10b), by the place of their entry. Under a set head: an open alarm can hold somebody back.
create table alarm (
    seq bigint primary key,
    kind text not null,
    whom text not null,                 -- person/LOGIN, address/TAG, everywhere
    hour bigint not null,              -- hours since 1970 of what it is about
    raised_at bigint not null,
    count bigint not null,
    minutes bigint not null,
    acknowledged_by text,
    acknowledged_at bigint
);
-- One of a kind, about one, an hour: the writer's turn sees to it.
create index alarm_about on alarm (whom, kind, hour);

-- What one process at a time does, until when, and how far it came. Operational: under no set head; who changes it has it done
-- twice, or late.
create table duty (
    name text primary key,
    holder bytea not null,
    until bigint not null,
    place bigint not null              -- the first entry that was not looked at
);

-- Messages that wait to be sent. Operational: under no set head; they say that there is something to look at, and decide nothing.
create table outbox (
    receiver text not null,             -- its name in the settings
    seq bigint not null,                -- the entry it is about
    kind text not null,
    number text not null,
    step text not null,
    made_at bigint not null,
    tries bigint not null,
    next_at bigint not null,
    primary key (receiver, seq, kind)
);

-- How receivers did. Operational, for whoever runs the vault.
create table receiver (
    receiver text primary key,
    sent bigint not null,
    dropped bigint not null,
    why text not null                   -- why the newest failed; empty when it went out
);
