//! What a reader sees when something was refused: what happened, by which article, what would make it pass.

use askama::Template;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::{html_as, percent, to};
use super::frame::{Frame, Place};
use super::look::{Bare, Look};
use super::visitor::Visitor;
use crate::http::{App, Problem, Unsent};

/// To who is not signed in.
#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    frame: Bare,
    problem: &'a Problem,
}

/// To who is, with all that a page has around it.
#[derive(Template)]
#[template(path = "refused_within.html")]
struct Within<'a> {
    frame: Frame,
    problem: &'a Problem,
    back: String,
}

fn wants_a_page(request: &Request) -> bool {
    let accepts = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/html"))
}

/// Where to go on from an address: the page that its form stands on, the list that it was looked for in, or home.
fn back(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["requests", no, _, ..] => format!("/requests/{no}"),
        ["admin", room @ ("people" | "vendors" | "policies"), one, _] => format!("/admin/{room}/{one}"),
        ["admin", room @ ("people" | "vendors" | "policies" | "proposals"), _, ..] => {
            format!("/admin/{room}")
        }
        ["audit", "alarms", _] => "/audit/alarms".to_owned(),
        ["account", "tokens", _] => "/account/tokens".to_owned(),
        [room @ ("requests" | "packages" | "members" | "imports" | "account" | "audit" | "admin"), _, ..] => {
            format!("/{room}")
        }
        _ => "/".to_owned(),
    }
}

/// Where an address lies.
fn place(path: &str) -> Place {
    match path.split(['/', '?']).nth(1).unwrap_or_default() {
        "requests" => Place::Requests,
        "packages" => Place::Packages,
        "members" | "imports" => Place::Members,
        "account" => Place::Account,
        "audit" => Place::Audit,
        "admin" => Place::Admin,
        _ => Place::Home,
    }
}

/// Turns the problem that a handler ended with into a page. Who is not signed in and only wanted to look is asked to
/// sign in first; who comes back to an address that only takes a form is led to where that form is.
pub(super) async fn as_a_page(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let html_wanted = wants_a_page(&request) && !path.starts_with("/api/");
    let looking = matches!(*request.method(), Method::GET | Method::HEAD);
    let (mut parts, body) = request.into_parts();
    let mut response = next.run(Request::from_parts(parts.clone(), body)).await;
    // A program that asks is told as the API tells it.
    if !html_wanted {
        return response;
    }
    if looking && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        return to(back(&path));
    }
    let Some(Unsent(problem)) = response.extensions_mut().remove::<Unsent>() else { return response };
    if looking && problem.code() == "not_signed_in" {
        return match path.as_str() {
            "/" => to("/sign-in"),
            path => to(format!("/sign-in?then={}", percent(path))),
        };
    }
    match within(&app, &mut parts, &path).await {
        Ok(frame) => html_as(problem.status(), &Within { frame, problem: &problem, back: back(&path) }),
        // Nobody is signed in, or what a frame is made of cannot be read either.
        Err(_) => {
            let frame = Look::of(&parts.headers, &path).bare();
            html_as(problem.status(), &Refused { frame, problem: &problem })
        }
    }
}

async fn within(app: &App, parts: &mut Parts, path: &str) -> Result<Frame, Problem> {
    let who = Visitor::from_request_parts(parts, app).await?;
    Frame::new(app, &who, place(path), who.look.words().refused).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_another_page() {
        for (path, wanted) in [
            ("/requests/CS2026-HQ-0001/sign", "/requests/CS2026-HQ-0001"),
            ("/requests/CS2026-HQ-0001?done=signed", "/requests"),
            ("/requests?mine=todo", "/"),
            ("/packages/CS2026-HQ-0001-P1/recall", "/packages"),
            ("/members/reveal", "/members"),
            ("/imports", "/"),
            ("/audit/alarms/7", "/audit/alarms"),
            ("/audit/7", "/audit"),
            ("/account/tokens/revoke", "/account/tokens"),
            ("/admin/vendors/SMS1/confirm", "/admin/vendors/SMS1"),
            ("/admin/vendors/SMS1", "/admin/vendors"),
            ("/admin/vendors", "/admin"),
            ("/admin/proposals/3/second", "/admin/proposals"),
            ("/admin/health", "/admin"),
            ("/admin", "/"),
            ("/nowhere/at/all", "/"),
        ] {
            assert_eq!(back(path), wanted, "{path}");
        }
    }
}
