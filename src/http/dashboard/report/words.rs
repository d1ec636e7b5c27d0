//! Texts of the report pages.

use crate::{
    language::{Language, Text, words},
    report::Preset,
};

words! {
    /// Texts of the report pages.
    ReportWords {
        overview: "Overview", "Обзор";
        reports: "Reports", "Отчёты";
        which: "Period, model and comparison", "Период, модель и сравнение";
        periods: "Period", "Период";
        from: "From", "С";
        to: "To", "По";
        by: "Break down by", "Разбить по";
        compare: "Compare with", "Сравнить с";
        no_compare: "nothing", "ничем";
        previous: "the days before", "днями до этого";
        a_year_before: "the same days a year before", "теми же днями год назад";
        model: "Attribution model", "Модель атрибуции";
        show: "Show", "Показать";
        only: "Only", "Только";
        remove: "remove", "убрать";
        metric: "Number", "Показатель";
        export: "Save as", "Сохранить как";
        meaning: "What the columns mean", "Что означают столбцы";
        formula: "Formula", "Формула";
        table: "Table", "Таблица";
        letters: "letters", "письма";
        of: "of", "по";
        was: "was", "было";
        more: "up", "больше";
        less: "down", "меньше";
        same: "no change", "без изменений";
        more_rows: "Show more rows", "Показать больше строк";
        of_last: "of the stage before", "от предыдущего шага";
        total: "Total", "Итого";
        compared: "compared with", "в сравнении с";
        by_channel: "Channels", "Каналы";
        hour: "Hour", "Час";
        weekday: "Day", "День";
        all_channels: "All about the channels", "Всё о каналах";
        over_time: "All about the days", "Всё по дням";
        wrong: "This address asks for something that does not exist. What is wrong:",
            "В адресе страницы запрошено то, чего нет. Что не так:";
        start_again: "Show the report without it", "Показать отчёт без этого";
        later: "The letters are being counted. The first time this takes some ten seconds for a million.",
            "Письма подсчитываются. В первый раз на миллион писем уходит около десяти секунд.";
        counted: "Counted so far", "Подсчитано";
        look_again: "Look again", "Обновить";
        no_leads: "No leads in these days.", "За эти дни лидов нет.";
        all_time: "Look at all time", "Посмотреть за всё время";
        first_lead: "Leads come from substitute addresses: give a channel one in the config, write a letter to it, and it is counted here. \
            A test without the mail server: leadmilter ingest --recipient ADDRESS LETTER.eml",
            "Лиды приходят на подменные адреса: заведите адрес для канала в конфиге, напишите на него, и письмо попадёт в отчёт. \
            Проверка без почтового сервера: leadmilter ingest --recipient АДРЕС ПИСЬМО.eml";
        to_addresses: "Show the addresses", "Показать адреса";
        no_fit: "No lead of these days fits the filters.", "Ни один лид за эти дни не подходит под условия.";
        no_costs: "Nothing is known of costs in these days, so cost per lead and returns are unknown.",
            "Расходы за эти дни неизвестны, поэтому цена лида и окупаемость не посчитаны.";
        costs_command: "On the server: leadmilter costs import FILE", "На сервере: leadmilter costs import ФАЙЛ";
        to_costs: "Upload costs", "Загрузить расходы";
        no_visits: "Nothing is known of visits: the script tag shows visitors their own address and counts clicks on it.",
            "О визитах ничего не известно: тег скрипта показывает посетителям личный адрес и считает клики по нему.";
        script_tag: "Put this into the pages of the site:", "Добавьте на страницы сайта:";
        peak: "Most", "Больше всего";
        details: "The numbers of this chart are in the table below.", "Числа этой диаграммы — в таблице ниже.";
    }
}

/// What a report is for, in a sentence.
pub fn about(preset: Preset, language: Language) -> &'static str {
    let text = match preset {
        Preset::Channels => Text {
            en: "What each channel brought, cost and earned.",
            ru: "Что принёс каждый канал, сколько стоил и сколько заработал.",
        },
        Preset::Calendar => Text {
            en: "How leads, costs and revenue went on.",
            ru: "Как менялись лиды, расходы и выручка.",
        },
        Preset::Heatmap => Text {
            en: "On which days and at which hours people write.",
            ru: "В какие дни и часы пишут.",
        },
        Preset::Senders => Text {
            en: "From which domains people write, and what came of it.",
            ru: "С каких доменов пишут и что из этого вышло.",
        },
        Preset::Addresses => Text {
            en: "What each substitute address brought.",
            ru: "Что принёс каждый подменный адрес.",
        },
        Preset::Models => Text {
            en: "The same leads, shared out by every attribution model.",
            ru: "Одни и те же лиды, распределённые каждой моделью атрибуции.",
        },
        Preset::Funnel => Text {
            en: "From the address shown, over click and letter, to the deal.",
            ru: "От показа адреса через клик и письмо до сделки.",
        },
    };
    text.of(language)
}
