//! What wants the password takes who gave it; whom a token calls for gave none.

use countersign::broker::people::Password;
use countersign::broker::{Broker, Error};
use countersign::model::ids::{Login, RequestNo};

type Known<'k> = (&'k str, &'k Login, &'k Password);

pub async fn sign(broker: &Broker, (token, login, password): Known<'_>, no: &RequestNo) -> Result<(), Error> {
    let _program = broker.token_caller(token).await?;
    let _person = broker.authenticate(login, password).await?;
    broker.request_sign(_person, no, None, None).await.map(drop)
}

fn main() {}
