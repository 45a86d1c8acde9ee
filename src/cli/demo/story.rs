//! What the demo tells: a short story for people, the contract's JSON for programs.

use serde_json::{Value, json};

use super::Made;
use super::road::Packaged;
use crate::cli::member::{counts, with_errors_file};
use crate::cli::package::waterfall;
use crate::cli::{Context, Failure};
use crate::config::{shown_url, sqlite_in};

/// Tells the story on standard error.
///
/// # Errors
/// The database failed.
pub(super) async fn tell(context: &Context, made: &Made) -> Result<(), Failure> {
    let out = &context.out;
    let store = made.world.broker.store();
    let engine = store.describe_engine().await?;
    let people = made.world.people().count();
    out.say("\nEverything here is invented, and this vault is a demo vault for ever.\n");
    out.say(format!("vault     {} on {engine}", made.place.dir.display()));
    out.say(format!("people    {people}, each with a signing key of their own, sealed under their password"));
    out.say(
        "policy    version 2, proposed by admin, seconded by zheng.tao: a store may select the whole group",
    );
    out.say(format!("members   {}", counts(&made.report)));
    if let Some(errors) = &made.errors {
        out.say(format!("          {} says why, line by line", errors.display()));
    }
    for package in &made.packages {
        tell_package(context, package);
    }
    let verified = &made.verified;
    out.say(format!(
        "\naudit     {} entries, root {}…: {}",
        verified.size,
        &verified.root.get(..16).unwrap_or_default(),
        if verified.verified { "verified, every table and signature with it" } else { "NOT verified" }
    ));
    for problem in &verified.problems {
        out.warn(format!("{}: {}", problem.what, problem.place));
    }
    tell_next(context, made);
    Ok(())
}

fn tell_package(context: &Context, package: &Packaged) {
    let Packaged { campaign, no, made, .. } = package;
    let [first, second, third] = campaign.signers;
    context.out.say(format!(
        "\n{:<9} {no}: {} of {} asked for everyone",
        campaign.channel, campaign.officer, campaign.unit
    ));
    context.out.say(format!(
        "          {first}, {second} and {third} countersigned, {} executed, {} downloaded",
        campaign.executor, campaign.receiver
    ));
    for line in waterfall(made).lines().skip(1) {
        context.out.say(format!("          {line}"));
    }
}

fn tell_next(context: &Context, made: &Made) {
    let dir = shell(&made.place.dir.display().to_string());
    let mut vault = format!("--data {dir}");
    if made.place.url != sqlite_in(&made.place.dir) {
        vault.push_str(&format!(" --database {}", shell(&shown_url(&made.place.url))));
    }
    if let Some(mark) = &made.place.high_water {
        vault.push_str(&format!(" --high-water {}", shell(&mark.display().to_string())));
    }
    let Some(package) = made.packages.first() else { return };
    let file = shell(&package.got.path.display().to_string());
    let identity = shell(&made.folder.identity(package.campaign.vendor).display().to_string());
    let manifest = shell(&package.got.manifest.display().to_string());
    let who = |login: &str| {
        format!("--as {login} --password-file {}", shell(&made.folder.secret(login).display().to_string()))
    };
    let card = made.example.as_deref().map_or_else(|| super::people::card(0), str::to_owned);
    context.out.say("\nTry next:");
    for line in [
        format!("age -d -i {identity} {file} | head -3      # as the vendor"),
        format!("countersign {vault} audit verify --deep --against {manifest}"),
        format!("countersign {vault} request list {}", who("li.na")),
        format!("countersign {vault} member show {card} {}", who("liu.yang")),
        format!(
            "countersign {vault} consent set {card} --purpose promotion --channel sms --refuse {}",
            who("lin.yu")
        ),
        format!("countersign {vault} doctor"),
    ] {
        context.out.say(format!("  {line}"));
    }
}

/// A word as a shell reads it back.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The contract's JSON.
pub(super) fn answer(made: &Made) -> Value {
    let people: Vec<Value> = made
        .world
        .people()
        .map(|(who, password)| json!({ "login": who.login, "roles": who.roles, "unit": who.unit, "password": password }))
        .collect();
    json!({
        "data_dir": made.place.dir.display().to_string(),
        "database": shown_url(&made.place.url),
        "members": with_errors_file(&made.report, made.errors.as_deref()),
        "packages": made.packages.iter().map(|package| shown(made, package)).collect::<Vec<_>>(),
        "audit": { "size": made.verified.size, "root": made.verified.root, "verified": made.verified.verified },
        "people": people,
    })
}

fn shown(made: &Made, package: &Packaged) -> Value {
    let excluded = package.made.excluded.iter().filter(|(_, n)| **n > 0);
    let excluded: serde_json::Map<String, Value> =
        excluded.map(|(why, n)| (why.code().to_owned(), json!(n))).collect();
    json!({
        "request_no": package.no,
        "channel": package.campaign.channel,
        "path": package.got.path.display().to_string(),
        "rows": package.got.rows,
        "selected": package.made.selected,
        "excluded": excluded,
        "sha256": package.got.sha256.to_string(),
        "manifest": package.got.manifest.display().to_string(),
        "vendor_identity": made.folder.identity(package.campaign.vendor).display().to_string(),
    })
}

/// What a pipe gets without `--json`: the packages.
pub(super) fn paths(made: &Made) -> String {
    made.packages.iter().map(|package| format!("{}\n", package.got.path.display())).collect()
}

#[cfg(test)]
mod tests {
    use super::shell;

    #[test]
    fn a_shell_reads_the_word_back() {
        assert_eq!(shell("/tmp/a-b"), "/tmp/a-b");
        assert_eq!(shell("/tmp/it's here"), "'/tmp/it'\\''s here'");
        assert_eq!(shell(""), "''");
    }
}
