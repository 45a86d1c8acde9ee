//! A file of members sent to a server as it is read: never whole in memory, and no faster than the server takes it.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method};
use tokio::sync::mpsc;

use super::{Sending, Server, broken_off, typed, value};
use crate::broker::imports::ImportReport;
use crate::cli::failure::Failure;
use crate::intake::ARCHIVE;

/// Bytes read at once, and how many such pieces wait to be sent.
const PIECE: usize = 64 << 10;
const WAITING: usize = 2;

/// What a workbook is sent as; anything else is sent as a text.
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const TEXT: &str = "text/csv";

/// Has the server import it. What is wrong with its rows is fetched when it is done.
pub(in crate::cli) async fn members(
    server: &Server,
    mut input: Box<dyn Read + Send>,
    dry_run: bool,
    errors: Option<Box<dyn Write + Send>>,
) -> Result<ImportReport, Failure> {
    may(server).await?;
    let mut first = Vec::new();
    input.by_ref().take(ARCHIVE.len() as u64).read_to_end(&mut first).map_err(unreadable)?;
    let kind = if first == ARCHIVE { WORKBOOK } else { TEXT };
    let broken = Arc::new(Mutex::new(None));
    let body = streamed(server, Box::new(io::Cursor::new(first).chain(input)), broken.clone());
    let mut url = server.url(&["imports"]);
    url.query_pairs_mut().append_pair("dry_run", if dry_run { "true" } else { "false" });
    let done = server.sent(server.client.post(url).header(CONTENT_TYPE, kind).body(body)).await;
    // Whose fault it was that the file did not go on.
    if let Some(cause) = broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(unreadable(cause));
    }
    let report: ImportReport = typed(value(done?).await?)?;
    if let Some(errors) = errors {
        fetched(server, report.no, errors).await.map_err(|failure| Failure {
            message: format!(
                "import {} is done; its errors were not fetched: {}",
                report.no, failure.message
            ),
            ..failure
        })?;
    }
    Ok(report)
}

/// Whether he may whose token it is. Asked while no file is on its way: a server that refuses takes no more of it, and its
/// answer can be lost with the connection.
async fn may(server: &Server) -> Result<(), Failure> {
    let mut url = server.url(&["imports"]);
    url.query_pairs_mut().append_pair("limit", "1");
    server.answered(Method::GET, url, &Sending::Nothing).await.map(drop)
}

/// What is read by a thread of its own, in the order in which it is taken.
fn streamed(server: &Server, input: Box<dyn Read + Send>, broken: Arc<Mutex<Option<io::Error>>>) -> Body {
    let (tell, pieces) = mpsc::channel(WAITING);
    // Not one that the end of the program waits for: standard input may be silent for ever.
    std::thread::spawn(move || read(input, &tell, &broken));
    let (progress, sent) = (server.out.progress("KiB sent"), 0_u64);
    Body::wrap_stream(stream::unfold((pieces, progress, sent), |(mut pieces, progress, sent)| async move {
        let piece: io::Result<Vec<u8>> = pieces.recv().await?;
        let sent = sent + piece.as_ref().map_or(0, |piece| piece.len() as u64);
        progress.at(sent >> 10, 0);
        Some((piece, (pieces, progress, sent)))
    }))
}

fn read(
    mut input: Box<dyn Read + Send>,
    tell: &mpsc::Sender<io::Result<Vec<u8>>>,
    broken: &Mutex<Option<io::Error>>,
) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = input.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let piece = match read {
            Ok(0) => return,
            Ok(_) => Ok(piece),
            Err(cause) => {
                let told = io::Error::from(cause.kind());
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
                // A body without its end: the server takes it for no whole file.
                Err(told)
            }
        };
        let over = piece.is_err();
        if tell.blocking_send(piece).is_err() || over {
            return;
        }
    }
}

async fn fetched(server: &Server, no: u64, mut errors: Box<dyn Write + Send>) -> Result<(), Failure> {
    let path = ["imports", &no.to_string(), "errors"];
    let mut answer = server.open(Method::GET, &path, Sending::Nothing).await?;
    let failed = |cause| Failure::file("the errors file", cause);
    while let Some(piece) = answer.chunk().await.map_err(|_| broken_off())? {
        errors.write_all(&piece).map_err(failed)?;
    }
    errors.flush().map_err(failed)
}

fn unreadable(cause: io::Error) -> Failure {
    Failure::file("the member file", cause)
}
