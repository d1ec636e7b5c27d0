//! `leadmilter report mail`: a report of the config, sent now.

use std::time::Duration;

use super::{
    super::{
        exit::{self, Wrong},
        output::text,
    },
    Mail,
};
use crate::{clock::Millis, config::Config, mailing, store::Store};

pub fn run(config: &Config, args: &Mail) -> anyhow::Result<u8> {
    let Some(report) = config.mailed.iter().find(|report| report.id == args.id) else {
        let known: Vec<_> = config.mailed.iter().map(|report| report.id.as_str()).collect();
        let known =
            if known.is_empty() { "the config has none".to_owned() } else { format!("there are {}", known.join(", ")) };
        return Err(Wrong::Data(format!("there is no [[report]] {:?}: {known}", args.id)).into());
    };
    let now = Millis::now();
    let Some(sending) = mailing::latest(report, &mailing::zone(config), now) else {
        return Err(Wrong::Data("there are no days to tell of".to_owned()).into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if args.dry_run {
        let letter = runtime.block_on(mailing::compose(config, report, &sending, now))?;
        let letter = String::from_utf8_lossy(&letter.formatted()).replace("\r\n", "\n");
        text(letter.trim_end())?;
        return Ok(exit::OK);
    }
    let store = Store::open(&config.store.folder)?;
    let sent = runtime.block_on(mailing::send(config, &store, report, &sending, now));
    runtime.block_on(store.close(Duration::from_secs(10)));
    sent?;
    let to: Vec<_> = report.to.iter().map(ToString::to_string).collect();
    text(&format!("{} of {}: sent to {}", report.id, sending.days(), to.join(", ")))?;
    Ok(exit::OK)
}
