//! `demo`: the whole road on the embedded default, by the same verbs everyone calls.
//!
//! ```text
//! folder ─► vault ─► org, people ─► policy ─► covenants ─► vendors ─► members ─► two requests ─► verify
//! ```
//! Nothing here makes a grant, a signature or a member in another way than a person would.

mod folder;
mod naming;
pub(super) mod people;
pub(super) mod road;
mod story;
pub(super) mod world;

use std::path::PathBuf;

use clap::Args;

use super::failure::INTEGRITY;
use super::member::errors_file;
use super::serve::{could_leave_up, leave_up};
use super::{Context, Failure, open_input};
use crate::broker::imports::{ImportOptions, ImportReport};
use crate::config::sqlite_in;
use crate::store::Place;
use crate::store::verify::Verified;
use folder::Folder;
use naming::Named;
use people::{MemberFile, Profile};
use road::{CAMPAIGNS, Packaged};
use world::World;

/// Show the whole road: a vault with invented people and members, two lists asked for, signed and made
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign demo\n\
                        Example: countersign demo --file members.csv --dir ./try --json\n\
                        Makes a demo vault, which is one for ever. A demo vault in that folder is replaced.")]
pub struct Demo {
    /// The folder to make it in
    #[arg(long, value_name = "DIR", default_value = "./countersign-demo")]
    dir: PathBuf,
    /// How many members to invent
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    members: u64,
    /// Read the members from this CSV file instead
    #[arg(long, value_name = "CSV", conflicts_with = "members")]
    file: Option<PathBuf>,
    /// Leave the console up on the vault that was made, at 127.0.0.1:8470
    #[arg(long)]
    serve: bool,
}

/// What the demo made.
struct Made {
    folder: Folder,
    place: Place,
    world: World,
    report: ImportReport,
    errors: Option<PathBuf>,
    packages: Vec<Packaged>,
    verified: Verified,
    /// A card to try the next commands on.
    example: Option<String>,
}

impl Demo {
    pub(super) async fn run(self, context: &Context) -> Result<u8, Failure> {
        let named = match &self.file {
            Some(file) => Named::by_file(file)?,
            None => Named::by_members(),
        };
        if self.serve {
            could_leave_up()?;
        }
        let folder = Folder::take(&self.dir)?;
        let place = Place {
            dir: folder.path().to_owned(),
            url: context.named_database().unwrap_or_else(|| sqlite_in(folder.path())),
            high_water: context.named_high_water(),
            passphrase: None,
            clock: None,
        };
        let made = self.make(context, folder, place, &named).await?;
        story::tell(context, &made).await?;
        context.out.answer(&story::answer(&made), || story::paths(&made));
        let code = if made.verified.verified { 0 } else { INTEGRITY };
        if self.serve {
            leave_up(context, made.world.broker).await?;
        } else {
            made.world.broker.store().close().await;
        }
        Ok(code)
    }

    async fn make(
        &self,
        context: &Context,
        folder: Folder,
        place: Place,
        named: &Named,
    ) -> Result<Made, Failure> {
        let world = World::make(&place, named, &folder, &context.out).await?;
        folder.remember(&world.broker)?;
        let (report, errors) = self.import(context, &world, &folder).await?;
        let mut packages = Vec::new();
        for campaign in &CAMPAIGNS {
            packages.push(road::walk(&world, campaign, &folder, &context.out).await?);
        }
        let verified = world.broker.audit_verify(true, &[]).await?;
        Ok(Made { folder, place, world, report, errors, packages, verified, example: named.example.clone() })
    }

    /// Members by the verb that everyone calls; what is wrong with rows goes to a file that holds no value.
    async fn import(
        &self,
        context: &Context,
        world: &World,
        folder: &Folder,
    ) -> Result<(ImportReport, Option<PathBuf>), Failure> {
        let input = match &self.file {
            Some(file) => open_input(file)?,
            None => Box::new(MemberFile::new(self.members, Profile::Demo)),
        };
        let errors = folder.path().join("import-errors.csv");
        let step = world.step("liu.yang").await?;
        let progress = context.out.progress("members");
        let options = ImportOptions {
            dry_run: false,
            errors: Some(errors_file(&errors)?),
            progress: &|at| progress.at(at.rows, 0),
        };
        let report = world.broker.member_import(step.caller(), input, options).await?;
        drop(progress);
        if report.counts.rejected > 0 {
            return Ok((report, Some(errors)));
        }
        std::fs::remove_file(&errors).map_err(|cause| Failure::file(errors.display().to_string(), cause))?;
        Ok((report, None))
    }
}
