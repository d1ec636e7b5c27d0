//! Where one can go: the entries of every page's navigation.

use super::visitor::Visitor;
use crate::{language::Text, store::Role};

/// A part of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// How the last days went.
    Overview,
    /// Reports.
    Reports,
    /// What advertising has cost.
    Costs,
    /// Letters.
    Leads,
    /// Substitute addresses.
    Addresses,
    /// Events on their way.
    Deliveries,
    /// The config, people, tokens.
    Settings,
    /// Who saw and changed what.
    Audit,
}

/// Places in the order of the navigation, their paths, who may go there, and their names.
const ENTRIES: [(Place, &str, Role, Text); 8] = [
    (Place::Overview, "/", Role::Viewer, Text { en: "Overview", ru: "Обзор" }),
    (Place::Reports, "/reports/channels", Role::Viewer, Text { en: "Reports", ru: "Отчёты" }),
    (Place::Leads, "/leads", Role::Viewer, Text { en: "Leads", ru: "Лиды" }),
    (Place::Costs, "/costs", Role::Viewer, Text { en: "Costs", ru: "Расходы" }),
    (Place::Addresses, "/addresses", Role::Viewer, Text { en: "Addresses", ru: "Адреса" }),
    (Place::Deliveries, "/deliveries", Role::Viewer, Text { en: "Deliveries", ru: "Доставка" }),
    (Place::Settings, "/settings", Role::Viewer, Text { en: "Settings", ru: "Настройки" }),
    (Place::Audit, "/audit", Role::Admin, Text { en: "Audit log", ru: "Журнал действий" }),
];

/// A link of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it leads.
    pub path: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// Whether one is there.
    pub is_here: bool,
}

/// The links for a visitor who is `here`.
pub fn entries(visitor: &Visitor, here: Place) -> Vec<Entry> {
    let may = ENTRIES.iter().filter(|(_, _, role, _)| visitor.role >= *role);
    may.map(|(place, path, _, name)| Entry { path, name: name.of(visitor.language), is_here: *place == here }).collect()
}
