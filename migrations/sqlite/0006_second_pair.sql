-- Changes of the organisation that a second administrator has to second. What is proposed never changes; how it ended is added once.
create table org_proposal (
    id integer primary key,
    kind text not null,                 -- org, reset, resume
    body text not null,                 -- the organisation file, or the login
    changes text not null,              -- a line each, as the proposer was shown them
    digest blob not null,               -- over kind, body and changes
    proposed_by text not null,
    proposed_at integer not null,
    expires_at integer not null,
    outcome text,                       -- seconded, withdrawn; open while null
    ended_by text,
    ended_at integer
);

-- From when until when a person's signatures do not count: after a new key or a new role. Rows are never changed.
create table person_hold (
    login text not null,
    number integer not null,            -- 1, 2, 3 … of this person
    reason text not null,               -- key, role
    since integer not null,
    until integer not null,
    primary key (login, number)
) without rowid;
