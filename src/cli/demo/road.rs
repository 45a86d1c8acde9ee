//! One request from draft to download, by the people whose part it is.

use super::folder::Folder;
use super::world::World;
use crate::broker::downloading::Downloaded;
use crate::broker::executing::Executed;
use crate::cli::Failure;
use crate::cli::out::Out;
use crate::model::form::MAX_ROWS;
use crate::model::ids::RequestNo;

/// A campaign and everyone who has a part in it.
pub(in crate::cli) struct Campaign {
    pub(in crate::cli) unit: &'static str,
    pub(in crate::cli) name: &'static str,
    pub(in crate::cli) channel: &'static str,
    pub(in crate::cli) fields: &'static str,
    pub(in crate::cli) vendor: &'static str,
    pub(in crate::cli) officer: &'static str,
    /// Department head, planning head, head of member management.
    pub(in crate::cli) signers: [&'static str; 3],
    pub(in crate::cli) executor: &'static str,
    pub(in crate::cli) receiver: &'static str,
}

/// Headquarters asks by sms, a store by direct mail; both for everyone.
pub(in crate::cli) const CAMPAIGNS: [Campaign; 2] = [
    Campaign {
        unit: "HQ-MKT",
        name: "演示：新年满减",
        channel: "sms",
        fields: "\"mobile\"",
        vendor: "SMS1",
        officer: "li.na",
        signers: ["wang.qiang", "chen.jing", "liu.yang"],
        executor: "sun.lei",
        receiver: "zhao.min",
    },
    Campaign {
        unit: "S001-MKT",
        name: "演示：店庆目录",
        channel: "post",
        fields: "\"name\", \"address\", \"postcode\"",
        vendor: "DM1",
        officer: "xu.yan",
        signers: ["ma.chao", "zhu.ping", "liu.yang"],
        executor: "gao.ning",
        receiver: "hu.xia",
    },
];

/// A package that its officer has.
pub(super) struct Packaged {
    pub(super) campaign: &'static Campaign,
    pub(super) no: RequestNo,
    pub(super) made: Executed,
    pub(super) got: Downloaded,
}

/// Walks the whole road.
///
/// # Errors
/// Whatever refuses.
pub(super) async fn walk(
    world: &World,
    campaign: &'static Campaign,
    folder: &Folder,
    out: &Out,
) -> Result<Packaged, Failure> {
    let no = ask(world, campaign).await?;
    let step = world.step(campaign.executor).await?;
    let progress = out.progress("rows");
    let made = world.broker.request_execute(step, &no, &|done, of| progress.at(done, of)).await?;
    drop(progress);
    let step = world.step(campaign.receiver).await?;
    let got = world.broker.package_download(step, &made.package, &folder.out()).await?;
    Ok(Packaged { campaign, no, made, got })
}

/// Drafts, submits and has it countersigned: what an executor may take.
///
/// # Errors
/// Whatever refuses.
pub(in crate::cli) async fn ask(world: &World, campaign: &Campaign) -> Result<RequestNo, Failure> {
    let broker = &world.broker;
    let officer = world.step(campaign.officer).await?;
    let no = broker.request_draft(officer.caller(), &form(world, campaign)).await?;
    broker.request_submit(officer, &no).await?;
    for signer in campaign.signers {
        broker.request_sign(world.step(signer).await?, &no, None, None).await?;
    }
    Ok(no)
}

fn form(world: &World, campaign: &Campaign) -> String {
    let Campaign { unit, name, channel, fields, vendor, receiver, .. } = campaign;
    let today = world.broker.clock().today();
    let day = |days: i64| today.saturating_add(jiff::Span::new().days(days));
    format!(
        "unit = \"{unit}\"\npurpose = \"promotion\"\ncampaign = \"{name}\"\nchannel = \"{channel}\"\nfields = [{fields}]\n\
         vendor = \"{vendor}\"\nreceiver = \"{receiver}\"\nwindow = {{ from = \"{}\", to = \"{}\" }}\n\
         destroy_by = \"{}\"\nrow_limit = {MAX_ROWS}\nimpact_assessment = \"PIA-DEMO\"\nreason = \"演示\"\n",
        day(1),
        day(15),
        day(30)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn five_distinct_people_have_a_part() {
        for campaign in &CAMPAIGNS {
            let mut people = BTreeSet::from(campaign.signers);
            people.extend([campaign.officer, campaign.executor]);
            assert_eq!(people.len(), 5, "{}", campaign.unit);
            assert!(![campaign.officer, campaign.executor].contains(&campaign.receiver));
        }
    }
}
