//! Reports as files and text: a table for terminals, JSON and CSV and XLSX for programs and spreadsheets.
//!
//! Given a report; gives back octets. What strangers wrote stays what it is and does nothing: no formula in a spreadsheet,
//! no escape sequence on a terminal.

mod csv;
mod json;
mod leads;
#[cfg(test)]
mod tests;
mod text;
mod xlsx;

pub use self::{
    csv::{CsvForm, csv, guarded},
    json::{MetricForm, Whole, decimal, lines, metric, whole},
    leads::LeadLines,
    text::text,
    xlsx::xlsx,
};

/// A report that could not be written as a file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As CSV.
    #[error("the report could not be written as CSV")]
    Csv(#[from] ::csv::Error),
    /// As a workbook.
    #[error("the report could not be written as a workbook")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
}
