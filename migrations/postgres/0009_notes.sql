-- What is noted beside a request without being signed: who was reminded, and whom it was copied to.
create table request_note (
    no text not null,                   -- the request
    number bigint not null,            -- 1, 2, 3 … within it
    kind text not null,                 -- remind, copy
    at bigint not null,
    actor text not null,                -- who did it
    subject text not null,              -- remind: the round and what it waited for; copy: whom
    primary key (no, number)
);
