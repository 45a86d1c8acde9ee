"""Members sealed by SQLAlchemy-Utils: `StringEncryptedType` with `AesGcmEngine` (authenticated, as ours is) under
one key for all. GCM ciphertexts cannot be searched for, so mobile, email and post have an HMAC column beside
them. SQLAlchemy Core in an SQLite file: bulk inserts of 10,000 in one transaction, WAL, synchronous=full."""

import csv
from itertools import islice

import sqlalchemy as sa
from sqlalchemy_utils import StringEncryptedType
from sqlalchemy_utils.types.encrypted.encrypted_type import AesGcmEngine

from peer_common import CLEAR, FIELDS, age, arguments, keys, measured, rows, tag

BATCH = 10_000
TAGS = ("mobile_tag", "email_tag", "post_tag")


def tables(key):
    def sealed(name):
        return sa.Column(name, StringEncryptedType(sa.String, key, AesGcmEngine))

    everything = sa.MetaData()
    member = sa.Table(
        "member", everything,
        sa.Column("card", sa.Integer, primary_key=True),
        *(sealed(name) for name in FIELDS),
        *(sa.Column(name, sa.LargeBinary, index=True) for name in TAGS),
        *(sa.Column(name, sa.String) for name in CLEAR),
    )
    consent = sa.Table(
        "consent", everything,
        sa.Column("card", sa.Integer, primary_key=True),
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("granted", sa.Integer),
    )
    return everything, member, consent


def batches(items):
    items = iter(items)
    while batch := list(islice(items, BATCH)):
        yield batch


def members(path, index):
    names = ("card", *FIELDS, *CLEAR)
    for row in rows(path):
        values = dict(zip(names, (cell or None for cell in row)))
        values["card"] = int(row[0])
        values.update(zip(TAGS, (tag(index, row[2]), tag(index, row[3]), tag(index, row[5] + row[4]))))
        yield values


def load(options, engine, member, consent, index):
    with engine.begin() as connection:
        for batch in batches(members(options.data / "members.csv", index)):
            connection.execute(member.insert(), batch)
        said = ({"card": int(card), "channel": channel, "granted": int(granted)}
                for card, channel, granted in rows(options.data / "consents.csv"))
        for batch in batches(said):
            connection.execute(consent.insert(), batch)


def withdraw(options, engine, consent):
    update = sa.update(consent).where(consent.c.card == sa.bindparam("who"), consent.c.channel == "sms").values(granted=0)
    with engine.begin() as connection:
        for batch in batches({"who": int(row[0])} for row in rows(options.data / "withdrawn.csv")):
            connection.execute(update, batch)
        connection.exec_driver_sql("analyze")


def export(options, engine, member, consent):
    agreed = sa.and_(consent.c.card == member.c.card, consent.c.channel == "sms", consent.c.granted == 1)
    query = sa.select(member.c.mobile).join(consent, agreed).execution_options(yield_per=BATCH)
    with age(options.recipient, options.out) as file, engine.connect() as connection:
        csv.writer(file, lineterminator="\n").writerows(connection.execute(query))


def main():
    options = arguments()
    secret = keys(options.database, "key", "index")
    everything, member, consent = tables(secret["key"].hex())
    engine = sa.create_engine(f"sqlite:///{options.database}")

    @sa.event.listens_for(engine, "connect")
    def durable(connection, _record):
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")

    if options.verb == "import":
        everything.create_all(engine)
        measured(lambda: load(options, engine, member, consent, secret["index"]))
    elif options.verb == "withdraw":
        measured(lambda: withdraw(options, engine, consent))
    else:
        measured(lambda: export(options, engine, member, consent))


if __name__ == "__main__":
    main()
