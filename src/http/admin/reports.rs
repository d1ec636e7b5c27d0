//! `GET /v1/reports`: what channels, campaigns and days brought and cost, as `leadmilter report` shows it.
//!
//! Counted on a thread that may wait, one report at a time: mail needs the processors more, and so do people.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use tokio::task::spawn_blocking;
use tracing::error;

use super::{
    super::problem::Problem,
    Admin, bearer,
    query::{Pairs, wrong},
    report_schema::{MetricBody, ReportBody},
};
use crate::{
    clock::Millis,
    language::Language,
    maillog::chain,
    report::{Metric, Query, Report, Reporter, Wording, export},
    store::{AuditEntry, Scope, StoreError},
};

/// Names that are this door's own; the others are those of [`Query::NAMES`].
const OWN: [&str; 2] = ["format", "lang"];

/// What a report is answered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Xlsx,
}

impl Form {
    const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Xlsx];

    fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == name)
    }

    /// The first form that `Accept` names; JSON if it names none of them.
    fn accepted(headers: &HeaderMap) -> Self {
        let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let named = |range: &str| {
            let essence = range.split(';').next().unwrap_or_default().trim();
            Self::ALL.into_iter().find(|form| {
                form.media_type().split(';').next().is_some_and(|known| known.eq_ignore_ascii_case(essence))
            })
        };
        accepts.split(',').find_map(named).unwrap_or(Self::Json)
    }

    fn write(self, report: &Report, wording: &Wording) -> Result<Vec<u8>, export::ExportError> {
        match self {
            Self::Json => Ok(serde_json::to_vec(&export::whole(report, wording.language)).unwrap_or_default()),
            Self::Csv => export::csv(report, wording),
            Self::Xlsx => export::xlsx(report, wording),
        }
    }
}

/// Say what channels, campaigns and days brought and cost
///
/// Without a query: what each channel brought in the last 30 days. The first report of a large store reads all its leads, and
/// may be answered with 503 once or twice.
#[utoipa::path(
    get, path = "/v1/reports", operation_id = "report", tag = "reports", security(("token" = ["reports"])),
    params(
        ("preset" = Option<String>, Query, description = "A report ready-made, of which the other parameters change parts",
            pattern = "^(channels|calendar|heatmap|senders|addresses|models|funnel)$", example = "channels"),
        ("metrics" = Option<String>, Query, description = "The numbers, in order: names of /v1/reports/metrics, and \
            metric:model for one by a model of its own", pattern = "^[a-z_]+(:[a-z_]+)?(,[a-z_]+(:[a-z_]+)?){0,63}$",
            example = "leads,cost,cpl"),
        ("by" = Option<String>, Query, description = "What they are broken down by, at most three; none for one row",
            pattern = "^[a-z_]+(,[a-z_]+){0,2}$", example = "channel,month"),
        ("filter" = Option<Vec<String>>, Query, description = "dimension=value; without a value, only what has none. Repeated, \
            one of those for the same dimension must fit, and all of those for several", max_items = 16, explode = true),
        ("period" = Option<String>, Query, description = "The days: today, yesterday, week, month, year, last-week, last-month, \
            last-year, 30d, all, 2026-11, 2026-11-26 or 2026-11-01..2026-11-26", min_length = 1, example = "30d"),
        ("compare" = Option<String>, Query, description = "previous (as many days just before) or year (the same days a year \
            before)", pattern = "^(none|previous|year)$"),
        ("model" = Option<String>, Query, description = "How touches share a lead; as the config says if not said",
            pattern = "^(first|last|last_non_direct|linear|position|decay)$"),
        ("sort" = Option<String>, Query, description = "A metric or dimension of the report; -metric for the largest first",
            min_length = 1, example = "-leads"),
        ("limit" = Option<u32>, Query, description = "Rows at most; 1000 if not said", minimum = 1, maximum = 100_000),
        ("format" = Option<String>, Query, description = "What `Accept` says otherwise", pattern = "^(json|csv|xlsx)$"),
        ("lang" = Option<String>, Query, description = "The language of labels, and of CSV its separators",
            pattern = "^(en|ru)$"),
    ),
    responses((status = 200, description = "The report", content(
        (ReportBody = "application/json"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
pub async fn report(State(door): State<Arc<Admin>>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let who = bearer::demand(&door, &headers, Scope::Reports).await?;
    let known: Vec<&str> = Query::NAMES.into_iter().chain(OWN).collect();
    let pairs = Pairs::of(&uri, &known)?;
    let form = pairs.read("format", Form::parse, "json, csv or xlsx")?.unwrap_or_else(|| Form::accepted(&headers));
    let intake = door.intake.load_full();
    let language = pairs.read("lang", |lang| lang.parse().ok(), "en or ru")?.unwrap_or(intake.config.reports.language);
    let (reporter, now) = (Reporter::new(&intake.config), Millis::now());
    let query = Query::read(pairs.without(&OWN), reporter.today(now), intake.config.reports.model).map_err(wrong)?;
    let wording = Wording::new(&intake.config, language);
    let turn = Arc::clone(&door.reports).acquire_owned().await;
    // Once begun it runs to its end, and the turn with it, whether anybody still waits or not.
    let counted = spawn_blocking(move || {
        let _turn = turn;
        let report = reporter.run(&query, now).map_err(|e| match e {
            StoreError::TooManyRows(_) => wrong(e.to_string()),
            e => failed(chain(&e)),
        })?;
        let octets = form.write(&report, &wording).map_err(|e| failed(chain(&e)))?;
        Ok::<_, Problem>((report.query.period, octets))
    });
    let (period, octets) = counted.await.map_err(|e| failed(e.to_string()))??;
    let fields = [(header::CONTENT_TYPE, form.media_type()), (header::CACHE_CONTROL, "no-store")];
    if form == Form::Json {
        return Ok((fields, octets).into_response());
    }
    let file = format!("leadmilter-{period}.{}", form.as_str());
    let noted = AuditEntry { at: now, who, did: "report.exported".to_owned(), what: file.clone(), details: None };
    door.store.note_audit(noted).await.map_err(|e| failed(chain(&e)))?;
    let name = format!("attachment; filename=\"{file}\"");
    Ok((fields, [(header::CONTENT_DISPOSITION, name)], octets).into_response())
}

fn failed(e: String) -> Problem {
    error!("a report failed: {e}");
    Problem::unavailable("the report cannot be counted")
}

/// List every metric with its unit, its formula and what it tells
#[utoipa::path(
    get, path = "/v1/reports/metrics", operation_id = "report_metrics", tag = "reports", security(("token" = ["reports"])),
    params(("lang" = Option<String>, Query, description = "The language of labels and help", pattern = "^(en|ru)$")),
    responses((status = 200, description = "The metrics", content((Vec<MetricBody> = "application/json")))),
)]
pub async fn metrics(
    State(door): State<Arc<Admin>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<impl IntoResponse, Problem> {
    bearer::demand(&door, &headers, Scope::Reports).await?;
    let language = Pairs::of(&uri, &["lang"])?.read("lang", |lang| lang.parse::<Language>().ok(), "en or ru")?;
    let language = language.unwrap_or(door.intake.load().config.reports.language);
    let metrics: Vec<_> = Metric::ALL.iter().map(|metric| export::metric(*metric, language)).collect();
    let fields = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((fields, serde_json::to_string(&metrics).unwrap_or_default()))
}
