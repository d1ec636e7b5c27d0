//! `GET /metrics`: counters and gauges in the text format of Prometheus, version 0.0.4.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};
use tracing::warn;

use super::Admin;
use crate::{maillog::chain, metrics::Metrics};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Show counters and gauges
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "operation",
    responses((status = 200, description = "Text format of Prometheus, version 0.0.4", content_type = "text/plain",
        body = String)),
)]
pub async fn metrics(State(door): State<Arc<Admin>>) -> impl IntoResponse {
    let pending = door.store.pending_counts().unwrap_or_else(|e| {
        warn!("metrics are told without deliveries: {}", chain(&e));
        Vec::new()
    });
    // A sink without any has a number, too: a line that comes and goes is no line.
    let mut gauges: Vec<_> = door.sinks().into_iter().map(|sink| (sink, 0)).collect();
    for (sink, count) in pending {
        match gauges.iter_mut().find(|(known, _)| *known == sink) {
            Some((_, known)) => *known = count,
            None => gauges.push((sink, count)),
        }
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&door.metrics, (door.sessions)(), &gauges))
}

fn text(metrics: &Metrics, sessions: usize, pending: &[(String, u64)]) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
        let help = escaped(help, false);
        out.push_str(&format!("# HELP leadmilter_{name} {help}\n# TYPE leadmilter_{name} {kind}\n"));
        out.extend(samples.iter().map(|(labels, value)| format!("leadmilter_{name}{labels} {value}\n")));
    };
    let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    family("build_info", "gauge", "The version that runs.", &[(version, 1)]);
    for (name, help, count) in metrics.all() {
        family(&format!("{name}_total"), "counter", help, &[(String::new(), count)]);
    }
    let open = u64::try_from(sessions).unwrap_or(u64::MAX);
    family("sessions_open", "gauge", "Milter sessions that are open.", &[(String::new(), open)]);
    let label = |(sink, count): &(String, u64)| (format!("{{sink=\"{}\"}}", escaped(sink, true)), *count);
    let pending: Vec<_> = pending.iter().map(label).collect();
    family("deliveries_pending", "gauge", "Events that wait for a sink, due now or later.", &pending);
    out
}

fn escaped(text: &str, is_label: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if is_label { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_and_gauge_is_told_with_help_and_type() {
        let metrics = Metrics::default();
        metrics.leads.add(3);
        let text = text(&metrics, 2, &[("crm".to_owned(), 7), ("a\\\"\nb".to_owned(), 0)]);
        for lines in [
            "# HELP leadmilter_leads_total Leads recorded.\n# TYPE leadmilter_leads_total counter\nleadmilter_leads_total 3\n",
            "# TYPE leadmilter_sessions_open gauge\nleadmilter_sessions_open 2\n",
            "leadmilter_deliveries_pending{sink=\"crm\"} 7\nleadmilter_deliveries_pending{sink=\"a\\\\\\\"\\nb\"} 0\n",
        ] {
            assert!(text.contains(lines), "{lines}\n{text}");
        }
        let told = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        assert_eq!(told, metrics.all().len() + 3);
        assert!(text.ends_with('\n') && !text.contains("\n\n"));
    }
}
