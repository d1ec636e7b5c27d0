//! Texts of the pages of costs.

use crate::language::words;

words! {
    /// Texts of the pages of costs.
    CostWords {
        title: "Costs", "Расходы";
        about: "What was spent on advertising, by month and by who tells it. Reports take cost per lead and returns from here.",
            "Сколько потрачено на рекламу: по месяцам и источникам данных. Отсюда отчёты берут цену лида и окупаемость.";
        caption: "Costs by month", "Расходы по месяцам";
        month: "Month", "Месяц";
        provider: "Told by", "Откуда";
        rows: "Rows", "Строк";
        days: "Days", "Дней";
        amount: "Amount", "Сумма";
        imported: "Last imported", "Последняя загрузка";
        nothing: "No costs are known yet. Upload a report of your advertising system",
            "Расходов пока нет. Загрузите отчёт рекламной системы";
        or_command: "or on the server: leadmilter costs import FILE", "или на сервере: leadmilter costs import ФАЙЛ";
        upload: "Upload a file", "Загрузить файл";
        forms: "CSV with commas, semicolons or tabs, or JSON, up to 8 MiB: reports of Google Ads and Yandex Direct as they are, the formats \
            in which Google Analytics and Yandex Metrica take costs, or your own with the columns date, channel, amount.",
            "CSV с запятыми, точками с запятой или табуляцией либо JSON, до 8 МиБ: отчёты Google Ads и Яндекс Директа как есть, форматы \
            расходов Google Analytics и Яндекс Метрики или свой с колонками date, channel, amount.";
        file: "File", "Файл";
        optional: "For rows that do not say it themselves", "Для строк, где это не указано";
        currency: "Currency", "Валюта";
        currency_hint: "three letters, such as USD", "три буквы, например USD";
        channel: "Channel", "Канал";
        by_utm: "by UTM values", "по меткам UTM";
        from: "From", "С";
        to: "To", "По";
        vat: "VAT in the amounts", "НДС в суммах";
        not_said: "not said", "не указано";
        with_vat: "included", "включён";
        without_vat: "not included", "не включён";
        look: "Show what is in it", "Показать, что в файле";
        wrong: "This file was not taken:", "Файл не принят:";
        no_file: "No file was chosen.", "Файл не выбран.";
        gone: "This file is gone: it is kept for ten minutes, in memory alone, until you confirm it. Choose it again.",
            "Этого файла уже нет: до подтверждения он хранится десять минут и только в памяти. Выберите его ещё раз.";
        preview: "What is in the file", "Что в файле";
        name: "File", "Файл";
        read: "Rows of the file", "Строк в файле";
        would_keep: "Rows to keep, one a day and place", "Строк к загрузке, по одной на день и площадку";
        period: "Days", "Дни";
        sum: "Sum", "Сумма";
        matched: "Rows that belong to a channel", "Строк, найден канал";
        unmatched: "Rows that belong to none", "Строк без канала";
        unmatched_places: "What belongs to no channel: it counts for source, medium and campaign, and as \"(not set)\" in the report of channels.",
            "Что не относится ни к одному каналу: учитывается по источнику, типу и кампании, а в отчёте по каналам — как «(не указано)».";
        campaign: "Campaign", "Кампания";
        source: "Source", "Источник";
        medium: "Medium", "Тип трафика";
        unread: "Columns that nobody reads", "Колонки, которые не читаются";
        refused: "Rows that cannot be used", "Строки, которые нельзя использовать";
        refused_about: "As long as there is one, nothing of the file is kept. Mend it and upload it again.",
            "Пока есть хоть одна, из файла не загружается ничего. Исправьте файл и загрузите его снова.";
        line: "Line", "Строка";
        reason: "Reason", "Причина";
        more_refused: "and more", "и ещё";
        sample: "The first rows", "Первые строки";
        day: "Day", "День";
        confirm: "Import", "Загрузить";
        confirm_about: "Rows of the same day and place that are there already are replaced, never added.",
            "Строки за тот же день и ту же площадку заменяются, а не складываются.";
        other_file: "Another file", "Другой файл";
        importing: "The costs are being imported.", "Расходы загружаются.";
        look_again: "Look again", "Обновить";
        done: "The costs are imported.", "Расходы загружены.";
        added: "New rows", "Новых строк";
        replaced: "Replaced rows", "Заменённых строк";
        unchanged: "Unchanged rows", "Строк без изменений";
        failed: "The costs were not imported, and nothing was changed. The log says why; try again.",
            "Расходы не загружены, ничего не изменено. Причина записана в журнале; попробуйте ещё раз.";
        to_report: "Show the channels", "Показать каналы";
        to_costs: "All costs", "Все расходы";
    }
}
