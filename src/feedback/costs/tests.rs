//! What cost files of every make come to, and which are refused.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::{channel::Utm, config::parse};

const CONFIG: &str = r#"
hostname = "mx1.company.ru"
[[mailbox]]
address = "info@company.ru"
[[channel]]
id = "m11"
mailbox = "info@company.ru"
addresses = ["info+m11@company.ru"]
[[channel]]
id = "direct"
mailbox = "info@company.ru"
utm = { source = "yandex", medium = "cpc" }
"#;

fn config() -> &'static Config {
    static READ: OnceLock<Config> = OnceLock::new();
    READ.get_or_init(|| parse(CONFIG, "c.toml".as_ref(), "/".as_ref()).unwrap().config)
}

fn read(file: impl AsRef<[u8]>, options: &Options) -> Result<Preview, Unreadable> {
    preview(file.as_ref(), options, config(), &mut |_| {})
}

/// A cost as one line: key, then values, empty ones left out at the end.
fn told(cost: &Cost) -> String {
    let (day, place) = cost.key();
    let optional = [cost.clicks, cost.impressions].map(|count| count.map_or("-".into(), |count| count.to_string()));
    let vat = cost.has_vat.map_or("-", |has| if has { "vat" } else { "net" });
    format!("{day} {} {} {} {vat} {}", place.join("|"), cost.amount, cost.currency, optional.join(" "))
}

fn costs(file: impl AsRef<[u8]>) -> Vec<String> {
    let preview = read(file, &Options::default()).unwrap();
    assert_eq!(preview.refused.told(), []);
    preview.costs.iter().map(told).collect()
}

fn refused(file: &str) -> Vec<(u64, String)> {
    let preview = read(file, &Options::default()).unwrap();
    assert_eq!(preview.refused.count(), preview.refused.told().len() as u64);
    preview.refused.told().iter().map(|refusal| (refusal.line, refusal.detail.clone())).collect()
}

#[test]
fn metrika_is_the_native_format() {
    let file = "Date,UTMSource,Expenses,UTMMedium,UTMCampaign,UTMTerm,UTMContent,Currency,Clicks,TrafficSource\r\n\
                2026-11-01,vk,100.50,social,\"autumn, 2\",,b,RUB,7,ad\r\n\
                2026-11-01/2026-11-03,vk,100,social,,,,usd,,ad\r\n";
    let expected = [
        "2026-11-01 metrika||vk|social|||| 33.34 USD net - -",
        "2026-11-01 metrika||vk|social|autumn, 2||b| 100.50 RUB net 7 -",
        "2026-11-02 metrika||vk|social|||| 33.33 USD net - -",
        "2026-11-03 metrika||vk|social|||| 33.33 USD net - -",
    ];
    assert_eq!(costs(file), expected);
    assert_eq!(read(file, &Options::default()).unwrap().unread, ["TrafficSource"]);
    for delimiter in ["\t", ";"] {
        let other = file.replace("\"autumn, 2\"", "autumn 2").replace(',', delimiter);
        assert_eq!(costs(format!("\u{feff}{other}")), expected.map(|line| line.replace("autumn, 2", "autumn 2")));
    }
}

#[test]
fn google_ads_is_read_from_its_api_and_from_reports_by_hand() {
    let api = "segments.date,campaign.id,campaign.name,metrics.cost_micros,metrics.clicks,metrics.impressions\n\
               2026-11-01,123,Насосы,1234567,3,100\n";
    let expected = ["2026-11-01 google_ads||google|cpc|Насосы|||123 1.234567 RUB - 3 100"];
    assert_eq!(costs(api), expected);
    let json = r#"[{"results": [{"segments": {"date": "2026-11-01"}, "campaign": {"id": "123", "name": "Насосы",
        "resourceName": "customers/1/campaigns/123"}, "metrics": {"costMicros": "1234567", "clicks": "3",
        "impressions": 100}}], "fieldMask": "segments.date", "requestId": "x"}]"#;
    assert_eq!(costs(json), expected);
    let by_hand = "Campaign report\n\"November 1, 2026 - November 2, 2026\"\nDay,Campaign,Currency code,Cost,Impr.,Clicks\n\
                   \"Nov 1, 2026\",Pumps,USD,\"1,234.50\",\"12,000\",7\n2026-11-02,Pumps,USD,0.00,--,--\n\
                   Total: Campaigns,,USD,\"1,234.50\",\"12,000\",7\n";
    let expected = [
        "2026-11-01 google_ads||google|cpc|Pumps||| 1234.50 USD - 7 12000",
        "2026-11-02 google_ads||google|cpc|Pumps||| 0.00 USD - - -",
    ];
    assert_eq!(costs(by_hand), expected);
}

#[test]
fn yandex_direct_is_read_from_its_api_and_from_reports_by_hand() {
    let api = "\"costs (2026-11-01 - 2026-11-02)\"\nDate\tCampaignId\tCampaignName\tImpressions\tClicks\tCost\n\
               2026-11-01\t77\tНасосы \"М11\"\t100\t3\t12.34\n2026-11-02\t77\t--\t0\t0\t0\nTotal rows: 2\n";
    let expected = [
        "2026-11-01 yandex_direct||yandex|cpc|Насосы \"М11\"|||77 12.34 RUB - 3 100",
        "2026-11-02 yandex_direct||yandex|cpc||||77 0.00 RUB - 0 0",
    ];
    assert_eq!(costs(api), expected);
    let by_hand = "Дата;№ Кампании;Кампания;Показы;Клики;Расход (руб., с НДС)\r\n\
                   01.11.2026;77;Насосы;1\u{a0}000;3;1\u{a0}234,5\r\nИтого;;;1\u{a0}000;3;1\u{a0}234,5\r\n";
    let expected = ["2026-11-01 yandex_direct||yandex|cpc|Насосы|||77 1234.50 RUB vat 3 1000"];
    assert_eq!(costs(encoding_rs::WINDOWS_1251.encode(by_hand).0), expected);
    assert_eq!(costs(by_hand), expected);
}

#[test]
fn ga4_and_ones_own_are_read() {
    let ga4 =
        "utm_id,utm_source,utm_medium,utm_campaign,date,impressions,clicks,cost\n5,bing,cpc,x,20261101,10,1,2.5\n";
    assert_eq!(costs(ga4), ["2026-11-01 ga4||bing|cpc|x|||5 2.50 RUB - 1 10"]);
    let own = "channel;from;to;amount;currency;vat\nm11;01.11.2026;30.11.2026;100000,01;rub;да\n";
    let costs = costs(own);
    assert_eq!(costs.len(), 30);
    assert_eq!(costs[0], "2026-11-01 manual|m11|||||| 3333.34 RUB vat - -");
    assert_eq!(costs[29], "2026-11-30 manual|m11|||||| 3333.33 RUB vat - -");
    let added = "segments.date,channel,metrics.cost_micros\n2026-11-01,m11,5000000\n";
    assert_eq!(self::costs(added), ["2026-11-01 google_ads|m11|google|cpc|||| 5.00 RUB - - -"]);
    let russian = "Дата;Источник;Расход\n01.11.2026;vk;12\n";
    assert_eq!(self::costs(russian), ["2026-11-01 manual||vk||||| 12.00 RUB - - -"]);
}

#[test]
fn json_is_read_exactly_and_as_listings_print_it() {
    let file = r#"[{"date": "2026-11-01", "channel": "m11", "amount": 9223372036854.775807, "clicks": null}]"#;
    assert_eq!(costs(file), ["2026-11-01 manual|m11|||||| 9223372036854.775807 RUB - - -"]);
    let metrika = "Date,UTMSource,Expenses,Clicks\n2026-11-01,vk,100.50,7\n2026-11-02,vk,1,\n";
    let listed: String = read(metrika, &Options::default())
        .unwrap()
        .costs
        .into_iter()
        .map(|cost| crate::store::CostRow { cost, imported_at: Millis(0) })
        .map(|row| serde_json::to_string(&row).unwrap() + "\n")
        .collect();
    assert_eq!(costs(&listed), costs(metrika));
    assert_eq!(read(&listed, &Options::default()).unwrap().unread, ["imported_at"]);
}

#[test]
fn what_the_caller_says_holds_where_the_file_says_nothing() {
    let options = Options {
        provider: Some("agency".into()),
        currency: Some("EUR".parse().unwrap()),
        channel: Some("m11".into()),
        has_vat: Some(true),
        ..Options::default()
    };
    let days = |text: &str| text.parse::<Day>().unwrap();
    let options = options.of_days(days("2026-11-01"), days("2026-11-02")).unwrap();
    let lines = |file: &str| read(file, &options).unwrap().costs.iter().map(told).collect::<Vec<_>>();
    let expected = ["2026-11-01 agency|m11|||||| 0.51 EUR vat - -", "2026-11-02 agency|m11|||||| 0.50 EUR vat - -"];
    assert_eq!(lines("amount\n1.01\n"), expected);
    let file = "amount,date,provider,currency,channel,vat\n1,2026-11-09,x,USD,y,no\n";
    assert_eq!(lines(file), ["2026-11-09 x|y|||||| 1.00 USD net - -"]);
    assert!(Options::default().of_channel("m12", config()).is_err() && Options::default().of_provider("ы").is_err());
}

#[test]
fn the_same_day_and_place_is_summed_in_one_file_and_replaced_by_a_later_one() {
    let file = "date,utm_source,cost,clicks\n2026-11-01,vk,1.10,1\n2026-11-01,vk,-0.10,\n2026-11-01,VK,5,\n";
    let expected = ["2026-11-01 ga4||VK||||| 5.00 RUB - - -", "2026-11-01 ga4||vk||||| 1.00 RUB - 1 -"];
    assert_eq!(costs(file), expected);
    let costs = |file: &str| read(file, &Options::default()).unwrap().costs;
    let later = costs("date,utm_source,cost\n2026-11-01,vk,7\n2026-10-31,vk,8\n");
    let joined: Vec<_> = together([costs(file), later]).unwrap().iter().map(told).collect();
    let expected = [
        "2026-10-31 ga4||vk||||| 8.00 RUB - - -",
        "2026-11-01 ga4||VK||||| 5.00 RUB - - -",
        "2026-11-01 ga4||vk||||| 7.00 RUB - - -",
    ];
    assert_eq!(joined, expected);
}

#[test]
fn every_row_that_cannot_be_used_is_refused_with_its_line() {
    let file = "date,utm_source,utm_medium,amount,currency,clicks\n\
                2026-11-01,vk,,1,RUB,1\n\
                01/11/2026,vk,,1,RUB,1\n\
                \n\
                ,vk,,1,RUB,1\n\
                2026-11-01,\"v\nk\",,,RUB,1\n\
                2026-11-01,vk,,12,50,RUB,1\n\
                2026-11-01,vk,,12\n\
                2026-11-01,vk,,1,рубли,1\n\
                2026-11-01,vk,,1,RUB,1.5\n\
                2026-11-01,vk,,1,USD,1\n\
                2026-11-01,vk,,9223372036854,RUB,1\n";
    let expected = [
        (3, "\"01/11/2026\" may be read in two ways: write 2026-11-22"),
        (5, "names no day"),
        (6, "names no amount"),
        (8, "has 7 columns where the headings are 6: put text that holds the delimiter into quotes"),
        (9, "has 4 columns where the headings are 6"),
        (10, "\"рубли\" is no currency: write three letters of ISO 4217, such as RUB"),
        (11, "\"1.5\" is no whole number"),
        (12, "is the same day and place as line 2, in another currency"),
        (13, "makes the sum of its day and place too large"),
    ];
    for file in [file, &file.replace('\n', "\r\n")] {
        assert_eq!(refused(file), expected.map(|(line, why)| (line, why.to_owned())));
    }
    let file = r#"[{"date": "2026-11-01", "amount": 1e3}, {"date": 20261101, "amount": 1}, 7, {"amount": true, "date": "2026-11-01"},
        {"date": "2026-11-01", "amount": 1, "cost": 2}, {"date": "2026-11-01", "amount": [1]},
        {"from": "2026-11-02", "to": "2026-11-01", "amount": "1", "campaign": {"id": 5}}, {"from": "2026-11-02", "amount": "1"},
        {"date": "2026-11-01", "amount": "1", "channel": "a b"}, {"date": "2026-11-01", "amount": "1", "vat": {}},
        {"date": "2026-11-01", "amount": "1", "a": {"b": {"c": {"d": {"e": 1}}}}}]"#;
    let expected = [
        (1, "\"1e3\" is no amount: write digits with a point, such as 1234.50"),
        (2, "20261101 is no string"),
        (3, "is no object: invalid type: integer `7`, expected a map at line 1 column 1"),
        (4, "true is no amount"),
        (5, "\"cost\" says what another key says, too"),
        (6, "\"amount\" is neither text nor number"),
        (7, "the period ends on 2026-11-01, before it begins on 2026-11-02"),
        (8, "has a first day and no last one"),
        (9, "channel \"a b\" is no name: write letters, digits, . _ -, at most 64"),
        (10, "\"vat\" is neither text nor number"),
    ];
    assert_eq!(refused(file), expected.map(|(line, why)| (line, why.to_owned())));
    let many = format!("date,amount\n{}", "x,1\n".repeat(1500));
    let refused = read(&many, &Options::default()).unwrap().refused;
    assert_eq!((refused.count(), refused.told().len(), refused.told()[999].line), (1500, 1000, 1001));
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let known = format!("Known columns: {}", heading::KNOWN);
    for (file, why) in [
        ("", "is empty".to_owned()),
        ("\u{feff} \r\n", "is empty".to_owned()),
        ("date,utm_source\n2026-11-01,vk\n", format!("line 1: no column says what was spent. {known}")),
        ("report\namount;utm_source\n1;vk\n", format!("line 2: no column says of which day a cost is. {known}")),
        ("date,amount,cost\n", "line 1: columns \"amount\" and \"cost\" say the same: remove one".to_owned()),
        ("date,amount\n", "holds no rows".to_owned()),
        ("[]", "holds no rows".to_owned()),
        ("[{]", "is not JSON as expected: key must be a string at line 1 column 3".to_owned()),
        ("PK\u{3}\u{4}", "is a workbook, not a table of text: save it as CSV".to_owned()),
    ] {
        assert_eq!(read(file, &Options::default()).unwrap_err().to_string(), why);
    }
    let large = vec![b' '; sheet::LARGEST + 1];
    let why = "is larger than 64 MiB (65 MiB): split it into parts";
    assert_eq!(read(large, &Options::default()).unwrap_err().to_string(), why);
    let wide = format!("from,to,utm_term,amount\n{}", "2026-01-01,2029-01-01,x,1\n".repeat(500));
    let why = "is for more than 200000 rows of one day, or 64 MiB of their texts: split it into parts";
    assert_eq!(read(wide, &Options::default()).unwrap_err().to_string(), why);
    // Ten years of long texts are few rows, and much memory.
    let row = format!("2026-01-01,2035-12-31,1{}\n", format!(",{}", "\u{10ffff}".repeat(1024)).repeat(5));
    let long =
        |rows| format!("from,to,amount,utm_source,utm_medium,utm_campaign,utm_term,utm_content\n{}", row.repeat(rows));
    assert_eq!(read(long(1), &Options::default()).unwrap_err().to_string(), why);
    let array = Options { format: Format::JsonArray, ..Options::default() };
    assert!(read(r#"{"date": "2026-11-01", "amount": 1}"#, &array).is_err());
}

#[test]
fn the_summary_says_what_belongs_to_no_channel() {
    let file = "date,utm_source,utm_medium,utm_campaign,amount,currency,channel\n\
                2026-11-01,Yandex,CPC,a,1,RUB,\n2026-11-02,yandex,cpc,b,2,USD,\n2026-11-02,vk,,,4,RUB,\n\
                2026-11-04,vk,,,8,RUB,\n2026-11-04,yandex,cpc,,16,RUB,m12\n2026-11-04,,,,32,RUB,m11\n";
    let place = |channel: &str, source: &str, medium: &str, rows| Place {
        channel: channel.into(),
        utm: Utm { source: source.into(), medium: medium.into(), ..Utm::default() },
        rows,
    };
    let sum =
        |currency: &str, amount: &str| Sum { currency: currency.parse().unwrap(), amount: amount.parse().unwrap() };
    let expected = Summary {
        rows: 6,
        days: 3,
        from: Some("2026-11-01".parse().unwrap()),
        to: Some("2026-11-04".parse().unwrap()),
        sums: vec![sum("RUB", "61"), sum("USD", "2")],
        matched: 3,
        unmatched: 3,
        unmatched_places: vec![place("", "vk", "", 2), place("m12", "yandex", "cpc", 1)],
    };
    assert_eq!(read(file, &Options::default()).unwrap().summary, expected);
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(
        octets in prop::collection::vec(any::<u8>(), 0..200),
        table in "(date|from|to|amount|cost|[,;\t\"\n]|2026-11-0[1-9]|[0-9.,-]{1,5}|Total|[а-я ]{1,3}){0,40}",
        json in "([\\[{]|\"date\":|\"amount\":|\"2026-11-01\"|[0-9.e-]{1,4}|[\\]},: ]|null|true){0,40}",
    ) {
        for file in [octets, format!("date,amount\n{table}").into_bytes(), table.into_bytes(), json.into_bytes()] {
            for format in [Format::Auto, Format::Csv, Format::Json, Format::JsonArray] {
                drop(read(&file, &Options { format, ..Options::default() }));
            }
        }
    }

    #[test]
    fn what_is_spread_sums_to_what_was_spent(millionths in any::<i32>(), days in 1..400_i32, clicks in 0..1_000_u64) {
        let (from, amount) = (Day(20_000), Amount(i64::from(millionths)));
        let file = format!("from,to,amount,clicks\n{from},{},{amount},{clicks}\n", Day(20_000 + days - 1));
        let preview = read(&file, &Options::default()).unwrap();
        prop_assert_eq!(preview.costs.len(), days as usize);
        prop_assert_eq!(preview.costs.iter().map(|cost| cost.amount).sum::<Amount>(), amount);
        prop_assert_eq!(preview.costs.iter().map(|cost| cost.clicks.unwrap()).sum::<u64>(), clicks);
    }
}
