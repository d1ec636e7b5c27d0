//! Counters, each declared once with the sentence that explains it.
//!
//! Shared by reference, counted without a lock. `run` logs them on SIGUSR1 and when it ends.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts `many`.
    pub fn add(&self, many: u64) {
        self.0.fetch_add(many, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $name:ident,)+) => {
        /// Every counter of the process.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $help])+ pub $name: Counter,)+
        }

        impl Metrics {
            /// Name, help and count of every counter, in the order of declaration.
            pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($help),+).trim_ascii(), self.$name.get()),)+]
            }
        }
    };
}

metrics! {
    /// Milter sessions begun.
    sessions,
    /// Connections closed at once because max_connections of their door were open.
    connections_refused,
    /// Errors of accept(2) that were survived.
    accept_errors,
    /// Sessions that ended in the middle of a message.
    sessions_broken,
    /// Messages that reached their end, or were let go at DATA because no recipient is tracked.
    messages,
    /// Messages without a tracked recipient.
    messages_untracked,
    /// Leads that a dry run would have recorded.
    dry_runs,
    /// Leads recorded.
    leads,
    /// Leads among them whose sender was known.
    leads_repeat,
    /// Letters in the thread of a lead.
    replies,
    /// Messages to tracked addresses that are no inquiries: auto-replies, bounces, lists, spam and the like.
    other_kinds,
    /// Messages that were a recorded lead already.
    duplicates,
    /// Messages with valid headers of our own fleet, taken over as they were.
    trusted,
    /// Leads that could not be recorded.
    faults,
    /// Callbacks that panicked; their messages passed.
    panics,
    /// Forged attribution headers deleted.
    forged_headers,
    /// Recipients with a tag that no channel lists.
    unknown_tags,
    /// Recipients beyond the bound of one message.
    recipients_beyond_bound,
    /// Header fields dropped for a bound; forged ones among them stay in their letter.
    headers_beyond_bound,
    /// Requests for the socket map.
    map_lookups,
    /// Requests among them for a substitute address, answered with its mailbox.
    map_found,
    /// Connections to the socket map closed because what they sent was no request.
    map_broken,
    /// Events that arrived at a sink.
    outbox_delivered,
    /// Events that a sink could make nothing of, and that were not sent.
    outbox_skipped,
    /// Events given up.
    outbox_dead,
    /// Attempts that failed and are made again.
    outbox_failed,
    /// Times that a sink was suspended or switched off.
    outbox_suspended,
    /// Visits that were given an address of their own.
    visits_dynamic,
    /// Visits that were given the static address of their channel.
    visits_static,
    /// Visits whose page stays as it is.
    visits_unchanged,
    /// Visits of programs, by their User-Agent.
    visits_bot,
    /// Visits of people who do not want to be known: Sec-GPC, DNT, consent denied.
    visits_consent,
    /// Visits beyond the rate of their client.
    visits_rate,
    /// Visits beyond the budget of their site.
    visits_budget,
    /// Visits by a channel that the site shows no substitute to.
    visits_channel,
    /// Visits whose landing page the site shows no substitute on.
    visits_page,
    /// Visits that a fault inside kept from an address of their own.
    visits_fault,
    /// Clicks on substitute addresses.
    clicks,
    /// Clicks beyond the rate of their client, which nobody noted.
    clicks_rate,
    /// HTTP requests answered with a status of 400 to 499.
    http_refused,
    /// HTTP requests answered with a status of 500 to 599.
    http_failed,
}

impl Metrics {
    /// All counters that are not zero, on one line.
    pub fn summary(&self) -> String {
        let counted = self.all().into_iter().filter(|(_, _, count)| *count > 0);
        let parts: Vec<String> = counted.map(|(name, _, count)| format!("{name}={count}")).collect();
        if parts.is_empty() { "nothing counted yet".to_owned() } else { parts.join(" ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_what_was_counted() {
        let metrics = Metrics::default();
        assert_eq!(metrics.summary(), "nothing counted yet");
        metrics.leads.add(2);
        metrics.messages.one();
        assert_eq!(metrics.summary(), "messages=1 leads=2");
    }

    #[test]
    fn every_counter_has_a_help_sentence() {
        for (name, help, _) in Metrics::default().all() {
            assert!(help.ends_with('.') && help.len() > 10, "{name}: {help}");
        }
    }
}
