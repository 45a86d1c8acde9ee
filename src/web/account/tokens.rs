//! Tokens for programs: one's own listed, made with ticked scopes and shown once, revoked. Who may see people is shown
//! everyone's.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::words::{self, Words};
use crate::broker::tokens::{NewToken, State as Stands, TokenShown};
use crate::http::{App, Problem};
use crate::model::code::Role;
use crate::model::ids::UnitCode;
use crate::model::lang::Word as _;
use crate::model::scope::Scope;
use crate::web::answer::{html_as, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Anew, Posted, Visitor};

/// A form as it was typed.
#[derive(Default)]
struct Typed {
    name: String,
    unit: String,
    days: String,
    scopes: Vec<String>,
}

impl Typed {
    fn of(fields: Vec<(String, String)>) -> Typed {
        let mut typed = Typed::default();
        for (key, value) in fields {
            match key.as_str() {
                "name" => typed.name = value,
                "unit" => typed.unit = value,
                "days" => typed.days = value,
                "scope" => typed.scopes.push(value),
                _ => {}
            }
        }
        typed
    }

    fn token(&self) -> Result<NewToken, Problem> {
        let wrong = |at: &str, why: String| Problem::bad_value(at, why);
        let scopes = self.scopes.iter().map(|scope| Scope::parse(scope));
        Ok(NewToken {
            name: self.name.clone(),
            scopes: scopes.collect::<Result<_, _>>().map_err(|why| wrong("/scopes", why.to_string()))?,
            unit: UnitCode::parse(self.unit.trim()).map_err(|why| wrong("/unit", why.to_string()))?,
            days: Some(self.days.trim().parse().map_err(|_| wrong("/days", "a number of days".to_owned()))?),
            ends_at: None,
        })
    }
}

#[derive(Template)]
#[template(path = "account_tokens.html")]
struct Page {
    frame: Frame,
    a: &'static Words,
    tokens: Vec<TokenShown>,
    /// Units where the reader holds a role, to choose from.
    units: Vec<String>,
    scopes: Vec<(&'static str, &'static str)>,
    typed: Typed,
    made: Option<(i64, Zeroizing<String>)>,
    wrong: Option<Problem>,
}

impl Page {
    fn scopes_of(&self, token: &TokenShown) -> String {
        let lang = self.frame.look.lang;
        let names: Vec<&str> = token.scopes.iter().map(|scope| scope.word(lang)).collect();
        names.join(lang.pick("、", ", "))
    }

    fn stands(&self, token: &TokenShown) -> &'static str {
        match token.state {
            Stands::Live => self.a.token_live,
            Stands::Expired => self.a.token_expired,
            Stands::Revoked => self.a.token_revoked,
        }
    }

    fn may_revoke(&self, token: &TokenShown) -> bool {
        let is_allowed = token.login == self.frame.login || self.frame.roles.contains(&Role::Admin);
        token.state == Stands::Live && is_allowed
    }

    fn is_ticked(&self, code: &str) -> bool {
        self.typed.scopes.iter().any(|scope| scope == code)
    }
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let typed = Typed { days: "90".to_owned(), ..Typed::default() };
    page(&app, &who, typed, None, None).await
}

pub(super) async fn make(
    State(app): State<App>,
    Anew(step, who, fields): Anew<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let typed = Typed::of(fields);
    let made = async {
        let (text, about) = app.broker().token_make(step?, typed.token()?).await?;
        Ok((about.id, text.reveal()))
    };
    match made.await {
        Ok(made) => {
            let typed = Typed { days: typed.days, ..Typed::default() };
            page(&app, &who, typed, Some(made), None).await
        }
        Err(wrong) => page(&app, &who, typed, None, Some(wrong)).await,
    }
}

/// Which token.
#[derive(Deserialize)]
pub(super) struct Which {
    id: i64,
}

pub(super) async fn revoke(
    State(app): State<App>,
    Posted(who, which): Posted<Which>,
) -> Result<Response, Problem> {
    app.broker().token_revoke(who.session.caller(), which.id).await?;
    Ok(to("/account/tokens?done=saved"))
}

async fn page(
    app: &App,
    who: &Visitor,
    typed: Typed,
    made: Option<(i64, Zeroizing<String>)>,
    wrong: Option<Problem>,
) -> Result<Response, Problem> {
    let (lang, a, caller) = (who.look.lang, words::of(who.look.lang), who.session.caller());
    let mut units: Vec<String> =
        app.broker().myself(caller).await?.roles.into_iter().map(|(_, unit)| unit).collect();
    units.sort_unstable();
    units.dedup();
    let page = Page {
        frame: Frame::new(app, who, Place::Account, a.tokens).await?,
        a,
        tokens: app.broker().token_list(caller).await?,
        units,
        scopes: Scope::ALL.iter().map(|scope| (scope.code(), scope.word(lang))).collect(),
        typed,
        made,
        wrong,
    };
    let status = page.wrong.as_ref().map_or(StatusCode::OK, Problem::status);
    Ok(html_as(status, &page))
}
