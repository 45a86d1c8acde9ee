//! Out of a caller, a token's or a session's, nobody makes one who gave the password.

use countersign::broker::people::Password;
use countersign::broker::{Broker, Error, StepUp};
use countersign::model::ids::Login;

type Known<'k> = (&'k str, &'k Login, &'k Password);

pub async fn stepped(broker: &Broker, (token, login, password): Known<'_>) -> Result<StepUp, Error> {
    let program = broker.token_caller(token).await?;
    if program.login() != login {
        return StepUp::of(program, Default::default());
    }
    broker.authenticate(login, password).await
}

fn main() {}
