//! What wants the password takes who gave it; whom a token calls for gave none.

use countersign::broker::people::Password;
use countersign::broker::{Broker, Error};
use countersign::model::ids::RequestNo;

pub async fn sign(broker: &Broker, token: &str, password: &Password, no: &RequestNo) -> Result<(), Error> {
    let program = broker.token_caller(token).await?;
    let person = broker.authenticate(program.login(), password).await?;
    broker.request_sign(program, no, None, None).await.map(drop)
}

fn main() {}
