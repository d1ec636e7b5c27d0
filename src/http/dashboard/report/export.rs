//! A report as a file: the same query, more rows, for spreadsheets and programs.

use std::sync::Arc;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::task::spawn_blocking;
use tracing::error;

use super::{
    super::{Dashboard, Fault, Params, Visitor},
    asked::Asked,
    engine::Answer,
    page,
};
use crate::{
    clock::Millis,
    language::Language,
    maillog::chain,
    report::{Preset, ROWS, Report, Wording, export},
};

/// A form of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 4180, as spreadsheets of the reader's language expect it.
    Csv,
    /// A workbook.
    Xlsx,
    /// One object.
    Json,
}

impl Form {
    /// By the end of a file's name.
    pub fn parse(ending: &str) -> Option<Self> {
        match ending {
            "csv" => Some(Self::Csv),
            "xlsx" => Some(Self::Xlsx),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Json => "application/json",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Json => "json",
        }
    }

    fn write(self, report: &Report, wording: &Wording, language: Language) -> Option<Vec<u8>> {
        let written = match self {
            Self::Csv => export::csv(report, wording),
            Self::Xlsx => export::xlsx(report, wording),
            Self::Json => return serde_json::to_vec(&export::whole(report, language)).ok(),
        };
        written.inspect_err(|e| error!("a report could not be written: {}", chain(e))).ok()
    }
}

/// Answers with the file.
pub async fn file(
    door: Arc<Dashboard>,
    visitor: Visitor,
    (preset, form): (Preset, Form),
    params: Params,
) -> Result<Response, Fault> {
    let now = Millis::now();
    let today = door.reporter().today(now);
    let (wording, model) = {
        let intake = door.config();
        (Wording::new(&intake.config, visitor.language), intake.config.reports.model)
    };
    let (is_all, noted) = (params.get("limit").is_none(), params.noted());
    let mut asked = match Asked::read(preset, params, today, model) {
        Ok(asked) => asked,
        Err(wrong) => return page::refusal(&door, &visitor, &format!("/reports/{preset}"), wrong),
    };
    if is_all {
        asked.query.limit = ROWS;
    }
    let report = match door.count(vec![asked.query.clone()], now).await? {
        Answer::Reports(reports) => reports.into_iter().next().ok_or(Fault::Unavailable)?,
        Answer::Later(done, of) => return page::later(&door, &visitor, (done, of)),
    };
    let name = format!("leadmilter-{preset}-{}.{}", report.query.period, form.ending());
    let language = visitor.language;
    let written = spawn_blocking(move || form.write(&report, &wording, language)).await.ok().flatten();
    let octets = written.ok_or(Fault::Unavailable)?;
    door.note(&visitor, "report.exported", &name, noted).await?;
    let fields = [
        (header::CONTENT_TYPE, form.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::OK, fields, octets).into_response())
}
