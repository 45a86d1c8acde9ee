-- What was answered to a caller who may ask again, for a day: src/broker/repeats.rs draws it. Operational: under no set
-- head; who removes a row has what it answered done once more, who changes one has it not open.
create table kept_answer (
    tag blob primary key,               -- keyed: who asked, and his Idempotency-Key
    begun_at integer not null,
    held_until integer not null,        -- until then whoever does it is believed to be alive
    digest blob,                        -- keyed: what was asked; null until it is done
    answer blob                         -- sealed; null until it is done
) without rowid;

-- What is older than a day is forgotten.
create index kept_answer_begun on kept_answer (begun_at);
