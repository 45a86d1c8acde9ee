//! A form with a file: its fields first, then the file as a reader, while it comes. Nothing of it is kept.
//!
//! ```text
//! body ─► parts ─┬─ csrf and the other fields, which stand before the file ─► looked at
//!                └─ the file ─► pieces ─► the broker's reader; its end is said, so that what breaks off is no whole file
//! ```

use std::io::{self, Read};

use axum::body::Bytes;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::StatusCode;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::super::visitor::Visitor;
use crate::http::{App, LARGEST_BODY, Problem, check_anti_forgery};
use crate::web::problems::unreadable_form;

/// Name of the file's field.
const FILE: &str = "file";
/// Fields before the file, and bytes of one.
const FIELDS: usize = 64;
/// A file that is refused early is still taken in so far, or the browser would show no page but a broken line.
const DRAINED: usize = 64 << 20;

/// What a form with a file brought.
pub(super) struct Upload {
    who: Visitor,
    fields: Vec<(String, String)>,
    file: mpsc::Receiver<Piece>,
}

/// A piece of the file, or its end; what is neither is broken off.
enum Piece {
    Bytes(Bytes),
    End,
}

impl Upload {
    /// A field that stood before the file; empty when it is not there.
    pub(super) fn one(&self, name: &str) -> &str {
        self.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// Who sent it, and the file: to be read off the runtime's threads.
    pub(super) fn split(self) -> (Visitor, Box<dyn Read + Send>) {
        let pieces = stream::unfold(Some(self.file), |file| async {
            let mut file = file?;
            match file.recv().await {
                Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(file))),
                Some(Piece::End) => None,
                None => Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None)),
            }
        });
        (self.who, Box::new(SyncIoBridge::new(StreamReader::new(Box::pin(pieces)))))
    }
}

impl FromRequest<App> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let who = Visitor::from_request_parts(&mut parts, app).await?;
        let headers = parts.headers.clone();
        let form = Multipart::from_request(Request::from_parts(parts, body), app).await;
        let mut form = form.map_err(|_| unreadable_form())?;
        let (known, fields) = tokio::sync::oneshot::channel();
        let (out, file) = mpsc::channel(4);
        // Its own task, for the file is read while the broker works; it ends with the body.
        tokio::spawn(async move {
            let mut fields = Vec::new();
            loop {
                match form.next_field().await {
                    Ok(Some(field)) if field.name() == Some(FILE) => {
                        // Nobody waits any more: then nobody reads either.
                        let _ = known.send(Ok(fields));
                        return pass(field, out).await;
                    }
                    Ok(Some(field)) if fields.len() < FIELDS => match text(field).await {
                        Some(pair) => fields.push(pair),
                        None => break,
                    },
                    _ => break,
                }
            }
            let _ = known.send(Err(no_file()));
        });
        let fields = fields.await.map_err(|_| unreadable_form())??;
        let upload = Upload { who, fields, file };
        check_anti_forgery(&headers, &upload.who.token, upload.one("csrf").as_bytes())?;
        Ok(upload)
    }
}

/// A field's name and text.
async fn text(mut field: Field<'_>) -> Option<(String, String)> {
    let name = field.name()?.to_owned();
    let mut bytes = Vec::new();
    while let Some(more) = field.chunk().await.ok()? {
        bytes.extend_from_slice(&more);
        if bytes.len() > LARGEST_BODY {
            return None;
        }
    }
    Some((name, String::from_utf8(bytes).ok()?))
}

/// Hands the file on, piece by piece.
async fn pass(mut file: Field<'_>, out: mpsc::Sender<Piece>) {
    let mut unread = 0;
    loop {
        match file.chunk().await {
            Ok(Some(bytes)) if unread == 0 => {
                let len = bytes.len();
                if out.send(Piece::Bytes(bytes)).await.is_err() {
                    unread = len.max(1);
                }
            }
            Ok(Some(bytes)) if unread < DRAINED => unread += bytes.len(),
            Ok(None) => {
                let _ = out.send(Piece::End).await;
                return;
            }
            Ok(Some(_)) | Err(_) => return,
        }
    }
}

fn no_file() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "file_missing", "no file was chosen")
        .hint("choose a file and send the form again")
}
