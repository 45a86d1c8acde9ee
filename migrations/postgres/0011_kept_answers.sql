-- What was answered to a caller who may ask again, for a day: src/broker/repeats.rs draws it. Operational: under no set
-- head; who removes a row has what it answered done once more, who changes one has it not open.
create table kept_answer (
    tag bytea primary key,              -- keyed: who asked, and his Idempotency-Key
    begun_at bigint not null,
    held_until bigint not null,         -- until then whoever does it is believed to be alive
    digest bytea,                       -- keyed: what was asked; null until it is done
    answer bytea                        -- sealed; null until it is done
);

-- What is older than a day is forgotten.
create index kept_answer_begun on kept_answer (begun_at);
